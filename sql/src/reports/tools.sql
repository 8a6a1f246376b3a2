-- tools: how often each tool was called, how the calls ended and how long they took. A call counts once.
-- Param: top count = 50 -- at most so many
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT tool_name, count(*) AS calls,
       count(*) FILTER (WHERE outcome = 'completed') AS completed,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome = 'running') AS running,
       round(CAST(count(*) FILTER (WHERE outcome = 'completed') AS DOUBLE)
             / nullif(count(*) FILTER (WHERE outcome <> 'running'), 0), 4) AS success_rate,
       sum(attempts) AS attempts,
       round(CAST(count(*) FILTER (WHERE attempts > 1) AS DOUBLE) / count(*), 4) AS retry_rate,
       round(min(duration_us) / 1e3, 1) AS min_ms, round(avg(duration_us) / 1e3, 1) AS avg_ms,
       round(percentile(duration_us, 0.5, 'nearest') / 1e3, 1) AS p50_ms,
       round(percentile(duration_us, 0.95, 'nearest') / 1e3, 1) AS p95_ms,
       round(percentile(duration_us, 0.99, 'nearest') / 1e3, 1) AS p99_ms,
       round(max(duration_us) / 1e3, 1) AS max_ms,
       last_value(error ORDER BY at) FILTER (WHERE error IS NOT NULL) AS newest_error
FROM tool_calls
WHERE $filter
GROUP BY tool_name
ORDER BY calls DESC, tool_name
LIMIT $top
