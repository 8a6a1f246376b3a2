-- owned_traces: execution traces, each with the tenant that it belongs to. Base of traces and token_counts.
-- Grain: one row per ExecutionTrace message.
-- Key: topic, incarnation, partition, offset, item.
-- Units: times are UTC, duration_us microseconds, the rest are counts.
--
-- Converters leave the tenant of a trace empty. Such a trace belongs to the thread of its name, if only one tenant began or
-- ended a run in a thread of that name.
-- Columns:
--   topic, incarnation, partition, offset, item, tenant_id, thread_id
--   at: time at which the trace counts: the producer's, else Kafka's
--   sequence
--   execution_id: the execution, as the producer names it
--   completed: whether the execution came to its end
--   duration_us: total_duration_ms of the trace, in microseconds
--   total_tokens: tokens in all; null for 0, which is how a trace tells that it knows none
--   nodes: the executed nodes as a JSON array
--   errors: the errors as a JSON array
WITH trace AS (
    SELECT topic, incarnation, partition, "offset", item, tenant_id,
           CASE WHEN thread_id <> '' THEN thread_id ELSE coalesce(execution_thread_id, '') END AS thread_id,
           coalesce(time, kafka_time) AS at, sequence, execution_id, completed,
           CAST(CAST(total_duration_ms AS DECIMAL(38, 0)) * 1000 AS DECIMAL(38, 0)) AS duration_us,
           nullif(CAST(total_tokens AS DECIMAL(38, 0)), 0) AS total_tokens, nodes, errors
    FROM execution_traces
    WHERE NOT repeated
),
owner AS (
    SELECT topic, incarnation, thread_id, min(tenant_id) AS tenant_id
    FROM events
    WHERE event_type IN ('GRAPH_START', 'GRAPH_END', 'GRAPH_ERROR')
    GROUP BY topic, incarnation, thread_id
    HAVING min(tenant_id) = max(tenant_id)
)
SELECT trace.topic, trace.incarnation, trace.partition, trace."offset", trace.item,
       CASE WHEN trace.tenant_id = '' THEN coalesce(owner.tenant_id, '') ELSE trace.tenant_id END AS tenant_id,
       trace.thread_id, at, sequence, execution_id, completed, duration_us, total_tokens, nodes, errors
FROM trace
LEFT JOIN owner
    ON owner.topic = trace.topic AND owner.incarnation = trace.incarnation AND owner.thread_id = trace.thread_id
