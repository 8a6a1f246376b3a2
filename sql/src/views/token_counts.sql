-- token_counts: what every home of token counts tells, by run. Base of tokens and reconcile.
-- Grain: one row per request with counts or a cost; per run one for its traces, and one for each scope of its metrics.
-- Key: topic, incarnation, tenant_id, thread_id, run_id, home, scope; of requests also request_id, if there is one.
-- Units: times are UTC, duration_us microseconds, reported_cost_usd USD, the rest are counts.
--
-- Of metrics, those named tokens_prompt, tokens_completion and tokens_total are read; of each scope_id the newest value in a
-- run counts. Values that are no whole count from 0 to 2^53 are left out. Of traces the newest of each execution counts.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id, graph_name
--   home: 1 request (LLM_END, chunks), 2 execution trace, 3 metrics
--   scope: of metrics: the scope
--   request_id: of requests: their name
--   model: of requests: the model
--   source: llm_end, token_chunks, execution_trace or metrics; null for a request with a cost and no counts
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
    SELECT *, nullif(last_value(run_mark) IGNORE NULLS OVER so_far, arrow_cast(X'', 'BinaryView')) AS run_id,
           nullif(last_value(graph_mark) IGNORE NULLS OVER so_far, '') AS graph_name
    FROM (
        SELECT 1 AS home, topic, incarnation, tenant_id, thread_id, at, request_id, model, tokens_from AS source,
               CAST(input_tokens AS DECIMAL(38, 0)) AS input_tokens, CAST(output_tokens AS DECIMAL(38, 0)) AS output_tokens,
               total_tokens, llm_end_tokens, chunk_tokens, reported_cost_usd
        FROM llm_calls
        WHERE total_tokens IS NOT NULL OR reported_cost_usd IS NOT NULL
        UNION ALL BY NAME
        SELECT 2 AS home, topic, incarnation, tenant_id, thread_id, at, sequence, "offset", execution_id AS name,
               total_tokens, 'execution_trace' AS source, duration_us, completed,
               CAST(coalesce(json_length(nodes), 0) AS BIGINT) AS nodes,
               CAST(coalesce(json_length(errors), 0) AS BIGINT) AS errors
        FROM traces
        UNION ALL BY NAME
        SELECT 3 AS home, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time) AS at, sequence, "offset",
               scope, scope_id, name, 'metrics' AS source,
               CASE WHEN name = 'tokens_prompt' THEN CAST(value AS DECIMAL(38, 0)) END AS input_tokens,
               CASE WHEN name = 'tokens_completion' THEN CAST(value AS DECIMAL(38, 0)) END AS output_tokens,
               CASE WHEN name = 'tokens_total' THEN CAST(value AS DECIMAL(38, 0)) END AS total_tokens
        FROM metrics
        WHERE NOT repeated AND name IN ('tokens_prompt', 'tokens_completion', 'tokens_total')
          -- What a double holds exactly; this leaves out what is no number.
          AND value BETWEEN 0 AND 9007199254740992 AND floor(value) = value
        UNION ALL BY NAME
        SELECT 0 AS home, topic, incarnation, tenant_id, thread_id, from_time AS at,
               coalesce(run_id, arrow_cast(X'', 'BinaryView')) AS run_mark, coalesce(graph_name, '') AS graph_mark
        FROM run_spans
    )
    WINDOW so_far AS (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY at NULLS FIRST, home
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
newest AS (
    -- What tells of the same thing lies side by side, the newest first.
    SELECT *, row_number() OVER in_thread AS place, lag(run_id) OVER in_thread AS run_before,
           lag(home) OVER in_thread AS home_before, lag(scope) OVER in_thread AS scope_before,
           lag(scope_id) OVER in_thread AS scope_id_before, lag(name) OVER in_thread AS name_before
    FROM told
    WHERE home > 0
    WINDOW in_thread AS (PARTITION BY topic, incarnation, tenant_id, thread_id
                         ORDER BY run_id, home, scope, scope_id, name, at DESC, sequence DESC, "offset" DESC
                         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT topic, incarnation, tenant_id, thread_id, run_id, graph_name, home, scope, max(request_id) AS request_id,
       max(model) AS model, max(source) AS source, max(at) AS at, sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens,
       CASE WHEN home = 3 THEN coalesce(sum(input_tokens) + sum(output_tokens), sum(total_tokens), sum(input_tokens),
                                        sum(output_tokens))
            ELSE sum(total_tokens) END AS total_tokens,
       sum(llm_end_tokens) AS llm_end_tokens, sum(chunk_tokens) AS chunk_tokens,
       max(reported_cost_usd) AS reported_cost_usd, sum(duration_us) AS duration_us, bool_and(completed) AS completed,
       sum(nodes) AS nodes, sum(errors) AS errors
FROM newest
WHERE home = 1 OR place = 1 OR home <> home_before OR (run_id IS DISTINCT FROM run_before)
   OR (scope IS DISTINCT FROM scope_before) OR (scope_id IS DISTINCT FROM scope_id_before)
   OR (name IS DISTINCT FROM name_before)
-- Each request is a row of its own.
GROUP BY topic, incarnation, tenant_id, thread_id, run_id, graph_name, home, scope, CASE WHEN home = 1 THEN place END
