-- error_rate: share of runs in which something went wrong: an Error message, a failed tool, an event of kind *_ERROR
-- Unit: fraction
-- Better: lower
-- Statistic: rate
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, CASE WHEN errors > 0 THEN 1.0 ELSE 0.0 END AS value
FROM runs
WHERE $filter AND status <> 'running'
