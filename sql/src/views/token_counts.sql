-- token_counts: what every home of token counts tells, by run. Base of tokens and reconcile.
-- Grain: one row per request, also of those without counts; per run one for its traces, and one for each scope of its metrics.
-- Key: topic, incarnation, tenant_id, thread_id, run_number, home, scope; of requests also request_id, if there is one.
-- Units: times are UTC, duration_us microseconds, reported_cost_usd USD, the rest are counts.
--
-- Of metrics, those named tokens_prompt, tokens_completion and tokens_total are read; of each scope_id the newest value in a
-- run counts. Values that are no whole count from 0 to 2^53 are left out. Of traces the newest of each execution counts.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1; null outside of runs
--   graph_name
--   home: 1 request (LLM_END, chunks), 2 execution trace, 3 metrics
--   scope: of metrics: the scope
--   request_id: of requests: their name
--   model: of requests: the model
--   source: llm_end, token_chunks, execution_trace or metrics; null for a request without counts
--   at: when the request began; of traces and metrics the time of the newest
--   input_tokens: tokens read
--   output_tokens: tokens written
--   total_tokens: both, also where only the total is known
--   llm_end_tokens: of requests: both, as LLM_END tells them
--   chunk_tokens: of requests: both, as the chunks tell them
--   reported_cost_usd: of requests: the cost as the producer tells it
--   duration_us: of traces: how long the run took
--   completed: of traces: whether the run came to its end
--   nodes: of traces: how many nodes they tell
--   errors: of traces: how many errors they tell
WITH told AS (
    SELECT 2 AS home, topic, incarnation, tenant_id, thread_id, at, sequence, partition, "offset", item,
           CAST(NULL AS VARCHAR) AS scope, CAST(NULL AS VARCHAR) AS scope_id, execution_id AS name,
           CAST(NULL AS DECIMAL(38, 0)) AS input_tokens, CAST(NULL AS DECIMAL(38, 0)) AS output_tokens, total_tokens,
           duration_us, completed, CAST(coalesce(json_length(nodes), 0) AS BIGINT) AS nodes,
           CAST(coalesce(json_length(errors), 0) AS BIGINT) AS errors
    FROM owned_traces
    UNION ALL
    SELECT 3, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), sequence, partition, "offset", item,
           scope, scope_id, name,
           CASE WHEN name = 'tokens_prompt' THEN CAST(value AS DECIMAL(38, 0)) END,
           CASE WHEN name = 'tokens_completion' THEN CAST(value AS DECIMAL(38, 0)) END,
           CASE WHEN name = 'tokens_total' THEN CAST(value AS DECIMAL(38, 0)) END, NULL, NULL, NULL, NULL
    FROM metrics
    WHERE NOT repeated AND name IN ('tokens_prompt', 'tokens_completion', 'tokens_total')
      -- What a double holds exactly; this leaves out what is no number.
      AND value BETWEEN 0 AND 9007199254740992 AND floor(value) = value
),
placed AS (
    SELECT told.*, run_id, run_number, graph_name
    FROM told
    LEFT JOIN run_spans AS span
        ON span.topic = told.topic AND span.incarnation = told.incarnation
        AND span.tenant_id = told.tenant_id AND span.thread_id = told.thread_id
        AND (from_time IS NULL OR at >= from_time) AND (next_time IS NULL OR at < next_time OR at IS NULL)
),
newest AS (
    -- What tells of the same thing lies side by side, the newest first.
    SELECT *, row_number() OVER in_thread AS place, lag(run_number) OVER in_thread AS run_before,
           lag(home) OVER in_thread AS home_before, lag(scope) OVER in_thread AS scope_before,
           lag(scope_id) OVER in_thread AS scope_id_before, lag(name) OVER in_thread AS name_before
    FROM placed
    WINDOW in_thread AS (PARTITION BY topic, incarnation, tenant_id, thread_id
                         ORDER BY run_number, home, scope, scope_id, name, at DESC NULLS LAST, sequence DESC, partition DESC,
                                  "offset" DESC, item DESC
                         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT topic, incarnation, tenant_id, thread_id, max(run_id) AS run_id, run_number, max(graph_name) AS graph_name, home, scope,
       CAST(NULL AS VARCHAR) AS request_id, CAST(NULL AS VARCHAR) AS model,
       CASE home WHEN 2 THEN 'execution_trace' ELSE 'metrics' END AS source, max(at) AS at,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
       CASE WHEN home = 3 THEN coalesce(sum(input_tokens) + sum(output_tokens), sum(total_tokens), sum(input_tokens),
                                        sum(output_tokens))
            ELSE sum(total_tokens) END AS total_tokens,
       CAST(NULL AS DECIMAL(38, 0)) AS llm_end_tokens, CAST(NULL AS DECIMAL(38, 0)) AS chunk_tokens,
       CAST(NULL AS DOUBLE) AS reported_cost_usd, sum(duration_us) AS duration_us, bool_and(completed) AS completed,
       sum(nodes) AS nodes, sum(errors) AS errors
FROM newest
WHERE place = 1 OR home <> home_before OR (run_number IS DISTINCT FROM run_before) OR (scope IS DISTINCT FROM scope_before)
   OR (scope_id IS DISTINCT FROM scope_id_before) OR (name IS DISTINCT FROM name_before)
GROUP BY topic, incarnation, tenant_id, thread_id, run_number, home, scope
UNION ALL
SELECT topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name, 1, NULL, request_id, model, tokens_from, at,
       CAST(input_tokens AS DECIMAL(38, 0)), CAST(output_tokens AS DECIMAL(38, 0)), total_tokens, llm_end_tokens, chunk_tokens,
       reported_cost_usd, NULL, NULL, NULL, NULL
FROM llm_calls
