-- success_rate: share of runs that completed; abandoned ones did not, those that still run are left out
-- Unit: fraction
-- Better: higher
-- Statistic: rate
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, CASE WHEN status = 'completed' THEN 1.0 ELSE 0.0 END AS value
FROM runs
WHERE $filter AND status <> 'running'
