-- time_to_first_token: from a request to the first token of its answer, in the mean of the requests of a run
-- Unit: ms
-- Better: lower
-- Statistic: mean
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT max(run_id) AS run_id, avg(time_to_first_token_us) / 1e3 AS value
FROM llm_calls
WHERE $filter AND run_number IS NOT NULL AND time_to_first_token_us IS NOT NULL
GROUP BY topic, incarnation, tenant_id, thread_id, run_number
