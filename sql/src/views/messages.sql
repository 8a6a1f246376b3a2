-- messages: every message of every kind, copies left out.
-- Grain: one row per message; the entries of a Metrics message are one row, an EventBatch is its events.
-- Key: topic, incarnation, partition, offset, item.
-- Units: times are UTC; at is the time at which the message counts: the producer's, else Kafka's.
SELECT 'event' AS kind, topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time) AS at, tenant_id, thread_id, sequence, message_id
FROM events WHERE NOT repeated
UNION ALL
SELECT 'token_chunk', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, message_id
FROM token_chunks WHERE NOT repeated
UNION ALL
SELECT 'tool_execution', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, message_id
FROM tool_executions WHERE NOT repeated
UNION ALL
SELECT 'state_diff', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, message_id
FROM state_diffs WHERE NOT repeated
UNION ALL
SELECT 'checkpoint', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, message_id
FROM checkpoints WHERE NOT repeated
UNION ALL
SELECT 'metrics', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, message_id
FROM metrics WHERE NOT repeated AND item = 0
UNION ALL
SELECT 'error', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, message_id
FROM errors WHERE NOT repeated
UNION ALL
SELECT 'execution_trace', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, message_id
FROM execution_traces WHERE NOT repeated
