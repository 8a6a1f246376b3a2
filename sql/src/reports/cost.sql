-- cost: what requests to models cost, as reported by producers, else by the price list (system.prices).
-- Param: top count = 20 -- at most so many sessions
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
-- Section: cost (table)
SELECT tenant_id, thread_id, run_id, model, input_tokens, output_tokens, cost_usd, cost_from, note
FROM costs
WHERE $filter;
-- Section: total (record)
SELECT count(*) AS requests, round(sum(cost_usd), 6) AS cost_usd,
       round(sum(cost_usd) FILTER (WHERE cost_from = 'reported'), 6) AS reported_usd,
       round(sum(cost_usd) FILTER (WHERE cost_from = 'priced'), 6) AS priced_usd,
       count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced, min(note) AS a_note
FROM cost;
-- Section: by_model
SELECT model, count(*) AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
       round(sum(cost_usd), 6) AS cost_usd, count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced, min(note) AS a_note
FROM cost
GROUP BY model
ORDER BY cost_usd DESC NULLS LAST, model;
-- Section: by_session
SELECT tenant_id, thread_id, count(DISTINCT run_id) AS runs, count(*) AS requests,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
       round(sum(cost_usd), 6) AS cost_usd, count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced
FROM cost
GROUP BY tenant_id, thread_id
ORDER BY cost_usd DESC NULLS LAST, tenant_id, thread_id
LIMIT $top
