-- throughput: how many messages of each kind came in each minute. Copies are left out.
-- Grain: one row per minute and kind with messages.
-- Key: topic, minute, kind.
-- Units: minute is the beginning of a minute, UTC; messages is a count.
-- Columns:
--   topic
--   minute: beginning of the minute by the producers' times, else Kafka's; null where no time is known, and for times
--     before 1700 or after 2200
--   kind: event, token_chunk, tool_execution, state_diff, checkpoint, metrics, error or execution_trace
--   messages: messages; the events of a batch are messages, their envelope is none
SELECT topic,
       CASE WHEN at BETWEEN TIMESTAMP '1700-01-01T00:00:00Z' AND TIMESTAMP '2200-01-01T00:00:00Z'
            THEN date_trunc('minute', at) END AS minute,
       kind, count(*) AS messages
FROM messages
GROUP BY topic, 2, kind
