-- late_arrivals: messages that came after a higher number of their thread, and are no copies. They close gaps.
-- Grain: one row per message; the entries of a Metrics message are one.
-- Key: topic, incarnation, partition, offset, item, kind.
-- Units: times are UTC.
--
-- A thread whose counter began again, as with its process or within a node, has such messages too: their numbers were
-- seen before under other ids.
-- Columns:
--   kind: kind of the message, as in arrivals
--   topic, incarnation, partition, offset, item, kafka_time, time, tenant_id, thread_id, sequence
--   sequence_verdict: how the number fitted when it came
--   message_id
SELECT kind, topic, incarnation, partition, "offset", item, kafka_time, time, tenant_id, thread_id, sequence,
       sequence_verdict, message_id
FROM arrivals
WHERE sequence_verdict IN ('duplicate', 'reordered') AND NOT repeated
