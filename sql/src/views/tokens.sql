-- tokens: token counts, each request counted once, and where the count was found.
-- Grain: one row per request with counts or a cost; for a run without any, one row from traces or metrics, if they tell.
-- Key: topic, incarnation, tenant_id, thread_id, run_number, request_id, if there is one.
-- Units: times are UTC, reported_cost_usd USD, the rest are counts.
--
-- Counts have four homes. Of a request LLM_END goes before the chunks (see llm_calls). Traces, then metrics named
-- tokens_prompt, tokens_completion and tokens_total, are used only for runs without requests that have counts. Several
-- scopes of metrics tell of the same tokens: the one with the highest sum counts.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1; null outside of runs
--   graph_name
--   request_id: the request; null if it has no name, and in rows of whole runs
--   model: the model; null if not known, and in rows of whole runs
--   source: llm_end, token_chunks, execution_trace or metrics; null for a request with a cost and no counts
--   at: when the request began; of whole runs the time of the newest trace or metric
--   input_tokens: tokens read
--   output_tokens: tokens written
--   total_tokens: both, also where only the total is known
--   reported_cost_usd: the cost as the producer tells it
SELECT topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name, request_id, model, source, at, input_tokens,
       output_tokens, total_tokens, reported_cost_usd
FROM (
    -- Of a run requests with counts come first, then its traces, then the scope of its metrics with the highest sum.
    SELECT *, row_number() OVER in_thread AS place, lag(run_number) OVER in_thread AS run_before
    FROM token_counts
    WHERE total_tokens IS NOT NULL OR reported_cost_usd IS NOT NULL
    WINDOW in_thread AS (PARTITION BY topic, incarnation, tenant_id, thread_id
                         ORDER BY run_number, CASE WHEN total_tokens IS NULL THEN 4 ELSE home END, total_tokens DESC, scope
                         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
WHERE home = 1 OR total_tokens IS NOT NULL AND (place = 1 OR (run_number IS DISTINCT FROM run_before))
