-- first_tokens: milliseconds to the first token of each model, in the mean of its requests
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT coalesce(model, 'unknown model') AS part, avg(time_to_first_token_us) / 1e3 AS amount
FROM llm_calls
WHERE $filter AND time_to_first_token_us IS NOT NULL
GROUP BY model
