-- The steps of one thread's runs, in the order of the producer's time, as view run_parts has it. $1: tenant_id, $2: thread_id.
-- kind and name say what was done; the columns after duration_us are what may differ between two equal steps.
WITH step AS (
    SELECT CASE WHEN event_type = 'GRAPH_START' THEN 0
                WHEN event_type = 'GRAPH_END' THEN 4
                WHEN event_type = 'GRAPH_ERROR' THEN 3
                WHEN event_type IN ('NODE_START', 'NODE_END', 'NODE_ERROR', 'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH',
                                    'PARALLEL_START', 'PARALLEL_END') THEN 1
                ELSE 2 END AS role,
           topic, incarnation, coalesce(time, kafka_time) AS at, sequence, partition, "offset", item,
           event_type AS kind,
           CASE WHEN event_type IN ('TOOL_START', 'TOOL_END', 'TOOL_ERROR') THEN coalesce(tool_name, node_id)
                WHEN event_type IN ('GRAPH_START', 'GRAPH_END', 'GRAPH_ERROR') THEN NULL
                ELSE node_id END AS name,
           duration_us, graph_name, model, input_tokens, output_tokens, CAST(NULL AS VARCHAR) AS finish_reason, error,
           CAST(NULL AS BIGINT) AS retry_count
    FROM events
    WHERE tenant_id = $1 AND thread_id = $2 AND NOT repeated
        AND event_type NOT IN ('NODE_PROGRESS', 'NODE_THINKING', 'NODE_SUBSTEP', 'NODE_WARNING')
        -- A quality alert is no step.
        AND NOT (event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') = 'quality_monitor')
    UNION ALL
    SELECT 2, topic, incarnation, coalesce(time, kafka_time), sequence, partition, "offset", item,
           concat('TOOL_', stage), tool_name, duration_us, NULL, NULL, NULL, NULL, NULL, coalesce(error, error_code),
           retry_count
    FROM tool_executions
    WHERE tenant_id = $1 AND thread_id = $2 AND NOT repeated
    UNION ALL
    SELECT 2, topic, incarnation, coalesce(time, kafka_time), sequence, partition, "offset", item,
           'LLM_ANSWER', NULL, NULL, NULL, model, prompt_tokens, completion_tokens, finish_reason, NULL, NULL
    FROM token_chunks
    WHERE tenant_id = $1 AND thread_id = $2 AND NOT repeated AND is_final
    UNION ALL
    SELECT 2, topic, incarnation, coalesce(time, kafka_time), sequence, partition, "offset", item,
           'ERROR', error_code, NULL, NULL, NULL, NULL, NULL, NULL, message, NULL
    FROM errors
    WHERE tenant_id = $1 AND thread_id = $2 AND NOT repeated
)
SELECT * FROM step
ORDER BY topic, incarnation, at, sequence, role, partition, "offset", item
