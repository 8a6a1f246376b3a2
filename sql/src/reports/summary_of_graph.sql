-- summary_of_graph: runs, models, tools and errors of a graph in figures.
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
-- Section: runs (record)
WITH run AS (
    -- Many emitters send nothing after the error of a node.
    SELECT topic, tenant_id, thread_id, graph_name, started AS at, ended, duration_us, has_end,
           has_failure OR has_stopped AS has_failure
    FROM run_spans
),
timed AS (
    SELECT *,
           CASE WHEN NOT has_end AND NOT has_failure THEN NULL
                WHEN duration_us IS NOT NULL THEN duration_us
                WHEN at >= TIMESTAMP '1970-01-01T00:00:00Z' THEN CAST(ended AS BIGINT) - CAST(at AS BIGINT) END AS took_us
    FROM run
    WHERE $filter
)
SELECT count(*) AS runs,
       count(DISTINCT concat(octet_length(topic), ':', topic, octet_length(tenant_id), ':', tenant_id, thread_id)) AS sessions,
       count(*) FILTER (WHERE has_end AND NOT has_failure) AS completed,
       count(*) FILTER (WHERE has_failure) AS failed,
       count(*) FILTER (WHERE NOT has_end AND NOT has_failure) AS unfinished,
       round(CAST(count(*) FILTER (WHERE has_end AND NOT has_failure) AS DOUBLE)
             / nullif(count(*) FILTER (WHERE has_end OR has_failure), 0), 4) AS success_rate,
       min(at) AS first_start, max(at) AS last_start,
       round(avg(took_us) / 1e3, 1) AS avg_ms,
       round(percentile(took_us, 0.5, 'nearest') / 1e3, 1) AS p50_ms,
       round(percentile(took_us, 0.95, 'nearest') / 1e3, 1) AS p95_ms,
       round(max(took_us) / 1e3, 1) AS max_ms
FROM timed;
-- Section: llm (record)
SELECT count(*) AS calls,
       count(*) FILTER (WHERE total_tokens IS NOT NULL) AS calls_with_tokens,
       coalesce(sum(CAST(input_tokens AS DECIMAL(38, 0))), 0) AS input_tokens,
       coalesce(sum(CAST(output_tokens AS DECIMAL(38, 0))), 0) AS output_tokens,
       coalesce(sum(total_tokens), 0) AS total_tokens,
       round(sum(coalesce(reported_cost_usd, cost_usd(model, input_tokens, output_tokens, at))), 6) AS cost_usd,
       count(*) FILTER (WHERE total_tokens IS NOT NULL AND reported_cost_usd IS NULL
                          AND cost_usd(model, input_tokens, output_tokens, at) IS NULL) AS calls_unpriced
FROM llm_calls
WHERE $filter;
-- Section: tools (record)
SELECT count(*) AS calls,
       count(*) FILTER (WHERE outcome = 'completed') AS completed,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome = 'running') AS running,
       round(CAST(count(*) FILTER (WHERE outcome = 'completed') AS DOUBLE)
             / nullif(count(*) FILTER (WHERE outcome <> 'running'), 0), 4) AS success_rate,
       coalesce(sum(attempts), 0) AS attempts,
       round(CAST(count(*) FILTER (WHERE attempts > 1) AS DOUBLE) / nullif(count(*), 0), 4) AS retry_rate
FROM tool_calls
WHERE $filter;
-- Section: errors
SELECT kind, severity, count(*) AS errors, count(DISTINCT concat(octet_length(topic), ':', topic, octet_length(tenant_id), ':', tenant_id, thread_id)) AS sessions
FROM errors_all
WHERE $filter
GROUP BY kind, severity
ORDER BY errors DESC, kind, severity
