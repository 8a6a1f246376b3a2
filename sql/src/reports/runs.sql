-- runs: executions of graphs, newest first.
-- Param: top count = 50 -- at most so many
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, topic, tenant_id, thread_id, run_number, graph_name, status, headless, started,
       round(duration_us / 1e3, 1) AS duration_ms, messages, tool_calls, errors, input_tokens, output_tokens, tokens_from
FROM runs
WHERE $filter
ORDER BY started DESC NULLS LAST, run_id
LIMIT $top
