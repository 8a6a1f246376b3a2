-- summary: runs, models, tools and errors in figures.
-- Filter: time = at, tenant = tenant_id, thread = thread_id
--
-- What one graph did is in summary_of_graph, which finds the run of each call and takes longer.
-- Section: runs (record)
WITH run AS (
    -- Many emitters send nothing after the error of a node.
    SELECT topic, tenant_id, thread_id, graph_name, started AS at, ended, duration_us, has_end,
           has_failure OR has_stopped AS has_failure
    FROM run_spans
),
timed AS (
    SELECT *,
           CASE WHEN NOT has_end AND NOT has_failure THEN NULL
                WHEN duration_us IS NOT NULL THEN duration_us
                WHEN at >= TIMESTAMP '1970-01-01T00:00:00Z' THEN CAST(ended AS BIGINT) - CAST(at AS BIGINT) END AS took_us
    FROM run
    WHERE $filter
)
SELECT count(*) AS runs,
       count(DISTINCT concat(octet_length(topic), ':', topic, octet_length(tenant_id), ':', tenant_id, thread_id)) AS sessions,
       count(*) FILTER (WHERE has_end AND NOT has_failure) AS completed,
       count(*) FILTER (WHERE has_failure) AS failed,
       count(*) FILTER (WHERE NOT has_end AND NOT has_failure) AS unfinished,
       round(CAST(count(*) FILTER (WHERE has_end AND NOT has_failure) AS DOUBLE)
             / nullif(count(*) FILTER (WHERE has_end OR has_failure), 0), 4) AS success_rate,
       min(at) AS first_start, max(at) AS last_start,
       round(avg(took_us) / 1e3, 1) AS avg_ms,
       round(percentile(took_us, 0.5, 'nearest') / 1e3, 1) AS p50_ms,
       round(percentile(took_us, 0.95, 'nearest') / 1e3, 1) AS p95_ms,
       round(max(took_us) / 1e3, 1) AS max_ms
FROM timed;
-- Section: llm (record)
-- Requests and their tokens as their ids tell them, those of LLM_END before those of chunks: where an id is used again, or an
-- end names no request, report llm knows more.
WITH message AS (
    SELECT topic, incarnation, tenant_id, thread_id, request_id,
           CASE WHEN request_id IS NULL THEN concat(partition, '/', "offset", '/', item) END AS lone,
           coalesce(time, kafka_time) AS at, 'CHUNK' AS kind, model,
           -- Where only the total is told, the two are 0.
           CASE WHEN NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0) THEN prompt_tokens END
               AS input_tokens,
           CASE WHEN NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0) THEN completion_tokens END
               AS output_tokens,
           total_tokens, CAST(NULL AS DOUBLE) AS cost_usd
    FROM token_chunks
    WHERE NOT repeated AND (request_id IS NOT NULL OR is_final)
    UNION ALL
    SELECT topic, incarnation, tenant_id, thread_id, llm_request_id,
           CASE WHEN llm_request_id IS NULL THEN concat(partition, '/', "offset", '/', item) END,
           coalesce(time, kafka_time), CAST(event_type AS VARCHAR), model,
           CASE WHEN event_type = 'LLM_END' AND input_tokens >= 0 THEN input_tokens END,
           CASE WHEN event_type = 'LLM_END' AND output_tokens >= 0 THEN output_tokens END,
           NULL, CASE WHEN event_type = 'LLM_END' AND cost_usd BETWEEN 0 AND 1e9 THEN cost_usd END
    FROM events
    WHERE NOT repeated AND event_type IN ('LLM_START', 'LLM_END', 'LLM_ERROR', 'LLM_RETRY')
      AND (llm_request_id IS NOT NULL OR event_type IN ('LLM_END', 'LLM_ERROR'))
),
request AS (
    SELECT tenant_id, thread_id, coalesce(min(at) FILTER (WHERE kind = 'LLM_START'), min(at)) AS at,
           coalesce(max(model) FILTER (WHERE kind = 'LLM_END'), max(model) FILTER (WHERE kind <> 'CHUNK'), max(model))
               AS model,
           coalesce(max(input_tokens) FILTER (WHERE kind = 'LLM_END'), max(input_tokens)) AS input_tokens,
           coalesce(max(output_tokens) FILTER (WHERE kind = 'LLM_END'), max(output_tokens)) AS output_tokens,
           max(total_tokens) AS told_tokens, max(cost_usd) AS reported_cost_usd
    FROM message
    GROUP BY topic, incarnation, tenant_id, thread_id, request_id, lone
),
counted AS (
    SELECT *,
           coalesce(CAST(input_tokens AS DECIMAL(38, 0)) + CAST(output_tokens AS DECIMAL(38, 0)),
                    CAST(coalesce(told_tokens, input_tokens, output_tokens) AS DECIMAL(38, 0))) AS total_tokens,
           coalesce(reported_cost_usd, cost_usd(model, input_tokens, output_tokens, at)) AS cost_usd
    FROM request
    WHERE $filter
)
SELECT count(*) AS calls,
       count(*) FILTER (WHERE total_tokens IS NOT NULL) AS calls_with_tokens,
       coalesce(sum(CAST(input_tokens AS DECIMAL(38, 0))), 0) AS input_tokens,
       coalesce(sum(CAST(output_tokens AS DECIMAL(38, 0))), 0) AS output_tokens,
       coalesce(sum(total_tokens), 0) AS total_tokens,
       round(sum(cost_usd), 6) AS cost_usd,
       count(*) FILTER (WHERE total_tokens IS NOT NULL AND cost_usd IS NULL) AS calls_unpriced
FROM counted;
-- Section: tools (record)
-- Calls and their ends as ToolExecution messages tell them: where stages were lost, or TOOL_* events alone tell of calls,
-- report tools knows more.
WITH stage AS (
    SELECT topic, incarnation, tenant_id, thread_id, call_id, stage, coalesce(time, kafka_time) AS at, retry_count
    FROM tool_executions
    WHERE NOT repeated AND call_id IS NOT NULL
),
call AS (
    SELECT tenant_id, thread_id, min(at) AS at,
           bool_or(stage = 'COMPLETED') AS has_completed,
           max(at) FILTER (WHERE stage = 'FAILED') AS failed_at,
           max(at) FILTER (WHERE stage IN ('STARTED', 'RETRYING')) AS tried_at,
           1 + greatest(coalesce(max(retry_count), 0), count(*) FILTER (WHERE stage = 'RETRYING')) AS attempts
    FROM stage
    GROUP BY topic, incarnation, tenant_id, thread_id, call_id
),
ended AS (
    SELECT *,
           CASE WHEN has_completed THEN 'completed'
                WHEN failed_at IS NOT NULL AND (tried_at IS NULL OR tried_at <= failed_at) THEN 'failed'
                ELSE 'running' END AS outcome
    FROM call
    WHERE $filter
)
SELECT count(*) AS calls,
       count(*) FILTER (WHERE outcome = 'completed') AS completed,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome = 'running') AS running,
       round(CAST(count(*) FILTER (WHERE outcome = 'completed') AS DOUBLE)
             / nullif(count(*) FILTER (WHERE outcome <> 'running'), 0), 4) AS success_rate,
       coalesce(sum(attempts), 0) AS attempts,
       round(CAST(count(*) FILTER (WHERE attempts > 1) AS DOUBLE) / nullif(count(*), 0), 4) AS retry_rate
FROM ended;
-- Section: errors
-- A trace without a tenant counts as a session of its own here.
WITH told AS (
    SELECT kind, severity, topic, tenant_id, thread_id, at
    FROM errors_all
    WHERE kind <> 'trace_error'
    UNION ALL
    SELECT 'trace_error', CASE WHEN told ->> 'recovered' = 'true' THEN 'WARNING' ELSE 'ERROR' END, topic, tenant_id,
           trace_thread, at
    FROM (
        SELECT topic, tenant_id, coalesce(nullif(thread_id, ''), execution_thread_id, '') AS trace_thread,
               coalesce(time, kafka_time) AS at, unnest(json_get_array(errors)) AS told
        FROM execution_traces
        WHERE NOT repeated AND errors IS NOT NULL
    )
)
SELECT kind, severity, count(*) AS errors,
       count(DISTINCT concat(octet_length(topic), ':', topic, octet_length(tenant_id), ':', tenant_id, thread_id)) AS sessions
FROM told
WHERE $filter
GROUP BY kind, severity
ORDER BY errors DESC, kind, severity
