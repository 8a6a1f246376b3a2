-- p95_latency: the duration that 95 % of the runs that ended stay below
-- Unit: ms
-- Better: lower
-- Statistic: p95
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, duration_us / 1e3 AS value
FROM runs
WHERE $filter AND status IN ('completed', 'failed')
