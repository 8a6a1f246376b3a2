-- cost_per_run: what a run costs, in the mean; runs of which a request has no known cost are left out
-- Unit: usd
-- Better: lower
-- Statistic: mean
-- Filter: time = first_time, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, CAST(cost_usd AS DOUBLE) AS value
FROM costs_by_run
WHERE $filter AND run_number IS NOT NULL AND unpriced = 0
