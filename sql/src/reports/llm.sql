-- llm: how often each model was asked, how it answered and how fast. A request counts once.
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT model, count(*) AS calls,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'streaming') AS streaming,
       sum(retries) AS retries,
       sum(CAST(input_tokens AS DECIMAL(38, 0))) AS input_tokens, sum(CAST(output_tokens AS DECIMAL(38, 0))) AS output_tokens,
       round(sum(coalesce(reported_cost_usd, cost_usd(model, input_tokens, output_tokens, at))), 6) AS cost_usd,
       round(avg(duration_us) / 1e3, 1) AS avg_ms,
       round(percentile(duration_us, 0.5, 'nearest') / 1e3, 1) AS p50_ms,
       round(percentile(duration_us, 0.95, 'nearest') / 1e3, 1) AS p95_ms,
       round(max(duration_us) / 1e3, 1) AS max_ms,
       round(percentile(time_to_first_token_us, 0.5, 'nearest') / 1e3, 1) AS p50_first_token_ms,
       round(percentile(time_to_first_token_us, 0.95, 'nearest') / 1e3, 1) AS p95_first_token_ms,
       round(avg(tokens_per_second), 1) AS avg_tokens_per_second,
       round(max(largest_gap_us) / 1e3, 1) AS largest_gap_ms, sum(missing_chunks) AS missing_chunks
FROM llm_calls
WHERE $filter
GROUP BY model
ORDER BY calls DESC, model
