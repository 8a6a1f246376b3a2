-- All messages, with what is counted of them. kind is the place of the count in view run_parts. Roles as in graph.sql, and 2:
-- all other messages.
SELECT 0 AS kind,
       CASE WHEN event_type = 'GRAPH_START' THEN 0
            WHEN event_type = 'GRAPH_END' THEN 4
            WHEN event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') <> 'quality_monitor' THEN 3
            WHEN event_type IN ('NODE_START', 'NODE_END', 'NODE_ERROR', 'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH',
                                'PARALLEL_START', 'PARALLEL_END') THEN 1
            ELSE 2 END AS role,
       topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time) AS at, kafka_time, sequence, partition,
       "offset", item,
       CASE WHEN event_type = 'LLM_END' AND input_tokens >= 0 THEN input_tokens END AS input_tokens,
       CASE WHEN event_type = 'LLM_END' AND output_tokens >= 0 THEN output_tokens END AS output_tokens,
       event_type IN ('NODE_ERROR', 'LLM_ERROR', 'TOOL_ERROR')
           OR event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') <> 'quality_monitor' AS is_error,
       CAST(NULL AS VARCHAR) AS call_id
FROM events WHERE NOT repeated
UNION ALL
SELECT 1, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
       "offset", item,
       -- Where only the total is told, the two are 0.
       CASE WHEN is_final AND NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0) THEN prompt_tokens END,
       CASE WHEN is_final AND NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0)
            THEN completion_tokens END, false, NULL
FROM token_chunks WHERE NOT repeated
UNION ALL
SELECT 2, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
       "offset", item, NULL, NULL, stage = 'FAILED', call_id
FROM tool_executions WHERE NOT repeated
UNION ALL
SELECT 3, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
       "offset", item, NULL, NULL, false, NULL
FROM state_diffs WHERE NOT repeated
UNION ALL
SELECT 4, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
       "offset", item, NULL, NULL, false, NULL
FROM checkpoints WHERE NOT repeated
UNION ALL
SELECT 5, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
       "offset", item, NULL, NULL, false, NULL
FROM metrics WHERE NOT repeated AND item = 0
UNION ALL
SELECT 6, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
       "offset", item, NULL, NULL, true, NULL
FROM errors WHERE NOT repeated
UNION ALL
SELECT 7, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
       "offset", item, NULL, NULL, false, NULL
FROM execution_traces WHERE NOT repeated
