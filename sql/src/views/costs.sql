-- costs: what requests cost, as reported or by the price list.
-- Grain: as tokens: one row per request; of a run without requests that have counts one row, if traces or metrics tell.
-- Key: as tokens.
-- Units: times are UTC, cost_usd USD, the rest are counts.
--
-- What a producer reports goes before the price list (system.prices), which is read by function cost_usd as of the time
-- when the request began.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1; null outside of runs
--   graph_name
--   request_id: the request; null if it has no name, and in rows of whole runs
--   model: the model; null if not known, and in rows of whole runs
--   source: where the counts were found: llm_end, token_chunks, execution_trace or metrics
--   at: when the request began
--   input_tokens: tokens read
--   output_tokens: tokens written
--   total_tokens: both, also where only the total is known
--   cost_usd: what it cost; null if not known
--   cost_from: reported or priced; null if not known
--   note: why the cost is not known
WITH counted AS (
    SELECT *, TRY_CAST(input_tokens AS BIGINT) AS input_count, TRY_CAST(output_tokens AS BIGINT) AS output_count
    FROM tokens
),
priced AS (
    SELECT *, CASE WHEN reported_cost_usd IS NULL THEN cost_usd(model, input_count, output_count, at) END AS priced_usd
    FROM counted
)
SELECT topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name, request_id, model, source, at, input_tokens,
       output_tokens, total_tokens,
       coalesce(reported_cost_usd, priced_usd) AS cost_usd,
       CASE WHEN reported_cost_usd IS NOT NULL THEN 'reported' WHEN priced_usd IS NOT NULL THEN 'priced' END AS cost_from,
       CASE WHEN coalesce(reported_cost_usd, priced_usd) IS NULL
            THEN cost_note(model, input_count, output_count, at) END AS note
FROM priced
