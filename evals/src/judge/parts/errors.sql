-- errors: errors of each kind in a run
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT kind AS part, CAST(count(*) AS DOUBLE) AS amount
FROM errors_all
WHERE $filter AND run_id IS NOT NULL
GROUP BY kind
