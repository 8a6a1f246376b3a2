-- How the graphs ran. Times in seconds; tokens are sums.
SELECT graph_name AS graph,
       count(*) AS runs,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status NOT IN ('completed', 'failed')) AS open,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(duration_us AS DOUBLE)) / 1e6, 1) AS p50_s,
       round(percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(duration_us AS DOUBLE)) / 1e6, 1) AS p95_s,
       sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens
FROM runs
GROUP BY graph_name
ORDER BY runs DESC, graph
