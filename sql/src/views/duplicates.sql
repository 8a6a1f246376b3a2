-- duplicates: copies of messages: the same message_id came in its thread before. Other views leave them out.
-- Grain: one row per copy; the entries of a Metrics message are one, and of an EventBatch each event that is a copy.
-- Key: topic, incarnation, partition, offset, item, kind.
-- Units: times are UTC.
--
-- A copy is told by its message_id and never by its number alone.
-- Columns:
--   kind: kind of the message, as in arrivals
--   topic, incarnation, partition, offset, item, kafka_time, time, tenant_id, thread_id, sequence, message_id
SELECT kind, topic, incarnation, partition, "offset", item, kafka_time, time, tenant_id, thread_id, sequence, message_id
FROM arrivals
WHERE repeated
