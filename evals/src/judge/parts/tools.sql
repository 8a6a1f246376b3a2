-- tools: calls of each tool in a run
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT tool_name AS part, CAST(count(*) AS DOUBLE) AS amount
FROM tool_calls
WHERE $filter AND run_number IS NOT NULL
GROUP BY tool_name
