-- The numbers of one thread that were seen, whoever counted them. $1: tenant_id, $2: thread_id.
SELECT topic, incarnation, first_sequence, last_sequence
FROM sequence_runs
WHERE tenant_id = $1 AND thread_id = $2
