-- nodes: milliseconds that each node takes in a run
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT node_id AS part, sum(duration_us) / 1e3 AS amount
FROM node_executions
WHERE $filter AND run_id IS NOT NULL AND node_id IS NOT NULL
GROUP BY node_id
