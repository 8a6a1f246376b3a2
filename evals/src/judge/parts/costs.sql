-- costs: US dollars that each model costs in a run
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT coalesce(model, 'unknown model') AS part, CAST(sum(cost_usd) AS DOUBLE) AS amount
FROM costs
WHERE $filter AND run_number IS NOT NULL
GROUP BY model
