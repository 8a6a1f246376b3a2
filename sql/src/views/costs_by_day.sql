-- costs_by_day: what was read, written and paid on each day.
-- Grain: one row per day and tenant.
-- Key: topic, day, tenant_id.
-- Units: times are UTC, cost_usd USD, the rest are counts.
--
-- cost_usd is the sum of what is known: unpriced counts the requests that are not in it.
-- Columns:
--   topic
--   day: beginning of the day, UTC; null where no time is known, and for times before 1700 or after 2200
--   tenant_id
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
SELECT topic,
       CASE WHEN at BETWEEN TIMESTAMP '1700-01-01T00:00:00Z' AND TIMESTAMP '2200-01-01T00:00:00Z'
            THEN date_trunc('day', at) END AS day,
       tenant_id,
       count(*) AS requests,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(total_tokens) AS total_tokens,
       sum(cost_usd) AS cost_usd,
       sum(cost_usd) FILTER (WHERE cost_from = 'reported') AS reported_usd,
       sum(cost_usd) FILTER (WHERE cost_from = 'priced') AS priced_usd,
       count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced,
       min(at) AS first_time, max(at) AS last_time
FROM costs
GROUP BY topic, 2, tenant_id
