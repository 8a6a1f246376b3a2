-- store_time: the time of the store: that of its newest message, from which the age of runs is counted. Base of runs and
--   sessions.
-- Grain: one row.
-- Key: none.
-- Units: times are UTC.
--
-- Times before 1700 or after 2200 are no times of messages, and are left out.
-- Columns:
--   store_time: newest time in Kafka; newest time of a producer, if no message has one of Kafka; null without either
SELECT coalesce(max(CASE WHEN kafka_time BETWEEN TIMESTAMP '1700-01-01T00:00:00Z' AND TIMESTAMP '2200-01-01T00:00:00Z'
                         THEN kafka_time END),
                max(CASE WHEN time BETWEEN TIMESTAMP '1700-01-01T00:00:00Z' AND TIMESTAMP '2200-01-01T00:00:00Z'
                         THEN time END)) AS store_time
FROM (
    SELECT kafka_time, time FROM events
    UNION ALL SELECT kafka_time, time FROM token_chunks
    UNION ALL SELECT kafka_time, time FROM tool_executions
    UNION ALL SELECT kafka_time, time FROM state_diffs
    UNION ALL SELECT kafka_time, time FROM checkpoints
    UNION ALL SELECT kafka_time, time FROM event_batches
    UNION ALL SELECT kafka_time, time FROM metrics
    UNION ALL SELECT kafka_time, time FROM errors
    UNION ALL SELECT kafka_time, time FROM execution_traces
)
