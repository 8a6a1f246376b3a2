-- costs_by_run: what each run read, wrote and cost.
-- Grain: one row per run; requests of a thread outside its runs are one row with a null run_number.
-- Key: topic, incarnation, tenant_id, thread_id, run_number.
-- Units: times are UTC, cost_usd USD, the rest are counts.
--
-- cost_usd is the sum of what is known: unpriced counts the requests that are not in it.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1; null outside of runs
--   graph_name
--   requests: requests, and whole runs that are known by traces or metrics only
--   input_tokens: tokens read
--   output_tokens: tokens written
--   total_tokens: both, also where only the total is known
--   cost_usd: what they cost, as far as known; null if nothing is
--   reported_usd: the part of it that producers reported
--   priced_usd: the part of it that was taken from the price list
--   unpriced: requests whose cost is not known
--   first_time: when the first request began
--   last_time: when the newest request began
SELECT topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name,
       count(*) AS requests,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(total_tokens) AS total_tokens,
       sum(cost_usd) AS cost_usd,
       sum(cost_usd) FILTER (WHERE cost_from = 'reported') AS reported_usd,
       sum(cost_usd) FILTER (WHERE cost_from = 'priced') AS priced_usd,
       count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced,
       min(at) AS first_time, max(at) AS last_time
FROM costs
GROUP BY topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name
