-- messages: every message of every kind, copies left out.
-- Grain: one row per message; the entries of a Metrics message are one row, an EventBatch is its events.
-- Key: topic, incarnation, partition, offset, item.
-- Units: times are UTC; at is the time at which the message counts: the producer's, else Kafka's.
-- Columns:
--   kind: kind of the message, as in arrivals, but for event_batch
--   topic, incarnation, partition, offset, item, kafka_time, time
--   at: time at which the message counts: the producer's, else Kafka's
--   tenant_id, thread_id, sequence, message_id
SELECT kind, topic, incarnation, partition, "offset", item, kafka_time, time, at, tenant_id, thread_id, sequence,
       message_id
FROM arrivals
WHERE NOT repeated AND kind <> 'event_batch'
