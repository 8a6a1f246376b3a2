-- total_tokens: tokens read and written by a run, in the mean
-- Unit: tokens
-- Better: lower
-- Statistic: mean
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT run_id, CAST(coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS DOUBLE) AS value
FROM runs
WHERE $filter AND status <> 'running' AND tokens_from IS NOT NULL
