-- avg_latency: mean duration of runs that ended
-- Unit: ms
-- Better: lower
-- Statistic: mean
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, duration_us / 1e3 AS value
FROM runs
WHERE $filter AND status IN ('completed', 'failed')
