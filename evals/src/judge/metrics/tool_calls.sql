-- tool_calls: calls of tools in a run, in the mean; a call with its stages counts once
-- Unit: count
-- Better: lower
-- Statistic: mean
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, CAST(tool_calls AS DOUBLE) AS value
FROM runs
WHERE $filter AND status <> 'running'
