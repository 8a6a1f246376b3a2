-- errors_all: everything that tells of an error: messages, events, stages of tools, entries of traces.
-- Grain: one row per telling. An error that is told in several ways is several rows.
-- Key: topic, incarnation, partition, offset, item, kind, entry.
-- Units: times are UTC.
--
-- Quality alerts are no errors: see quality. call_id and request_id tell which rows are of the same call.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id, graph_name
--   kind: error_message, graph_error, node_error, llm_error, tool_error (an event), tool_failed (a stage), trace_error
--   severity: DEBUG, INFO, WARNING, ERROR, FATAL or UNSPECIFIED of an Error message, of a recovered error of a trace
--     WARNING; ERROR of the rest
--   error_code: code, if told
--   message: what happened
--   node_id: the node, if told
--   tool_name: the tool, if told
--   call_id: the call of a tool, if told
--   request_id: the request to a model, if told
--   at: when the message was sent; of an entry of a trace, when the trace was
--   sequence, partition, offset, item
--   entry: number of an entry in its trace, from 1; else 0

-- run_id and graph_name are added to these rows, by their time: see sql/src/runs.
SELECT 'error_message' AS kind, topic, incarnation, partition, "offset", item, tenant_id, thread_id,
       coalesce(time, kafka_time) AS at, sequence, CAST(severity AS VARCHAR) AS severity, error_code, message,
       context ->> 'node_id' AS node_id, context ->> 'tool_name' AS tool_name, context ->> 'call_id' AS call_id,
       context ->> 'request_id' AS request_id, CAST(0 AS BIGINT UNSIGNED) AS entry
FROM errors
WHERE NOT repeated
UNION ALL
SELECT lower(CAST(event_type AS VARCHAR)), topic, incarnation, partition, "offset", item, tenant_id, thread_id,
       coalesce(time, kafka_time), sequence, 'ERROR', attributes ->> 'error_code', error,
       node_id, tool_name, attributes ->> 'call_id', llm_request_id, CAST(0 AS BIGINT UNSIGNED)
FROM events
WHERE NOT repeated AND event_type IN ('GRAPH_ERROR', 'NODE_ERROR', 'LLM_ERROR', 'TOOL_ERROR')
  AND (event_type <> 'GRAPH_ERROR' OR coalesce(node_id, '') <> 'quality_monitor')
UNION ALL
SELECT 'tool_failed', topic, incarnation, partition, "offset", item, tenant_id, thread_id,
       coalesce(time, kafka_time), sequence, 'ERROR', error_code, error, NULL, tool_name, call_id, NULL,
       CAST(0 AS BIGINT UNSIGNED)
FROM tool_executions
WHERE NOT repeated AND stage = 'FAILED'
UNION ALL
SELECT 'trace_error', topic, incarnation, partition, "offset", item, tenant_id, thread_id, at, sequence,
       CASE WHEN told ->> 'recovered' = 'true' THEN 'WARNING' ELSE 'ERROR' END,
       told ->> 'error_code', told ->> 'message', told ->> 'node', NULL, NULL, NULL, CAST(entry AS BIGINT UNSIGNED)
FROM (
    SELECT topic, incarnation, partition, "offset", item, tenant_id, thread_id, at, sequence,
           unnest(json_get_array(errors)) AS told,
           unnest(generate_series(1, CAST(json_length(errors) AS BIGINT))) AS entry
    FROM owned_traces
    WHERE errors IS NOT NULL
)
