-- arrivals: every message of every kind as it came, copies and envelopes of batches included. Base of other views.
-- Grain: one row per message; the entries of a Metrics message are one; an EventBatch is one row, and each of its events.
-- Key: topic, incarnation, partition, offset, item, kind.
-- Units: times are UTC; at is the time at which the message counts: the producer's, else Kafka's.
-- Columns:
--   kind: event, token_chunk, tool_execution, state_diff, checkpoint, event_batch, metrics, error or execution_trace
--   topic, incarnation, partition, offset, item, kafka_time, time
--   at: time at which the message counts: the producer's, else Kafka's
--   tenant_id, thread_id, sequence
--   sequence_verdict: how the number fitted when it came: first, in_order, gap, duplicate, reordered or unsequenced
--   repeated: whether the message came before in its thread
--   message_id
SELECT 'event' AS kind, topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time) AS at, tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM events
UNION ALL
SELECT 'token_chunk', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM token_chunks
UNION ALL
SELECT 'tool_execution', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM tool_executions
UNION ALL
SELECT 'state_diff', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM state_diffs
UNION ALL
SELECT 'checkpoint', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM checkpoints
UNION ALL
SELECT 'event_batch', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM event_batches
UNION ALL
SELECT 'metrics', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM metrics WHERE item = 0
UNION ALL
SELECT 'error', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM errors
UNION ALL
SELECT 'execution_trace', topic, incarnation, partition, "offset", item, kafka_time, time,
       coalesce(time, kafka_time), tenant_id, thread_id, sequence, sequence_verdict, repeated, message_id
FROM execution_traces
