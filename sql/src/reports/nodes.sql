-- nodes: how often each node ran, how it ended and how long it took, those that took longest together first.
-- Param: top count = 50 -- at most so many
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT graph_name, node_id, count(*) AS executions,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'running') AS running,
       round(min(duration_us) / 1e3, 1) AS min_ms, round(avg(duration_us) / 1e3, 1) AS avg_ms,
       round(percentile(duration_us, 0.5, 'nearest') / 1e3, 1) AS p50_ms,
       round(percentile(duration_us, 0.95, 'nearest') / 1e3, 1) AS p95_ms,
       round(percentile(duration_us, 0.99, 'nearest') / 1e3, 1) AS p99_ms,
       round(max(duration_us) / 1e3, 1) AS max_ms,
       round(sum(CAST(duration_us AS DOUBLE)) / 1e3, 1) AS total_ms
FROM node_executions
WHERE $filter
GROUP BY graph_name, node_id
ORDER BY total_ms DESC NULLS LAST, graph_name, node_id
LIMIT $top
