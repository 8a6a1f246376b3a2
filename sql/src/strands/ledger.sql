-- The ledger as it lies in the segments.
SELECT topic, incarnation, tenant_id, thread_id, partition, first_sequence, last_sequence, messages,
       first_time, last_time, first_offset, last_offset, head = 'unknown' AS is_head_unknown
FROM sequence_runs
