-- sessions: threads with what happened in them. Copies of messages are left out.
-- Grain: one row per thread.
-- Key: topic, incarnation, tenant_id, thread_id.
-- Units: times are UTC, duration_us microseconds, the rest are counts; missing counts the sequences of view gaps.
--   Messages without a thread id are one row, with an empty thread_id and no runs.
--   What counts as a run, as its status and as its tokens is told by view runs.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   first_time: first message
--   last_time: newest message
--   messages: messages in all
--   events: events
--   token_chunks: token chunks
--   tool_executions: stages of tools
--   state_diffs: state diffs
--   checkpoints: checkpoints
--   metrics: Metrics messages
--   error_messages: Error messages
--   execution_traces: execution traces
--   runs: runs
--   tool_calls: calls of tools
--   errors: Error messages, failed stages and *_ERROR events
--   missing: numbers that never came
--   runs_completed: runs that ended
--   runs_failed: runs that failed, be it by the graph or by a node as the last that came
--   runs_abandoned: runs without an end that nothing more is expected of
--   runs_running: runs that go on
--   input_tokens: tokens read
--   output_tokens: tokens written
--   duration_us: from the first to the newest message; null before 1970
WITH seen AS (
    SELECT topic, incarnation, tenant_id, thread_id,
           min(first_time) AS first_time, max(last_time) AS last_time,
           sum(messages) AS messages, sum(events) AS events, sum(token_chunks) AS token_chunks,
           sum(tool_executions) AS tool_executions, sum(state_diffs) AS state_diffs, sum(checkpoints) AS checkpoints,
           sum(metrics) AS metrics, sum(error_messages) AS error_messages, sum(execution_traces) AS execution_traces,
           count(*) FILTER (WHERE is_run) AS runs,
           count(*) FILTER (WHERE is_run AND has_end AND NOT has_failure) AS runs_completed,
           count(*) FILTER (WHERE is_run AND (has_failure OR has_stopped)) AS runs_failed,
           count(*) FILTER (WHERE is_run AND NOT has_end AND NOT has_failure AND NOT has_stopped
                            AND last_arrived < store_time - INTERVAL '30 minutes') AS runs_abandoned,
           sum(tool_calls) AS tool_calls, sum(errors) AS errors,
           sum(coalesce(llm_end_input_tokens, chunk_input_tokens)) AS input_tokens,
           sum(coalesce(llm_end_output_tokens, chunk_output_tokens)) AS output_tokens
    -- In this order: for each row of the left side a batch is made.
    FROM store_time CROSS JOIN run_parts
    GROUP BY topic, incarnation, tenant_id, thread_id
),
lost AS (
    SELECT topic, incarnation, tenant_id, thread_id, sum(missing) AS missing
    FROM gaps
    GROUP BY topic, incarnation, tenant_id, thread_id
)
SELECT seen.topic, seen.incarnation, seen.tenant_id, seen.thread_id, first_time, last_time, messages, events,
       token_chunks, tool_executions, state_diffs, checkpoints, metrics, error_messages, execution_traces,
       runs, tool_calls, errors,
       coalesce(missing, CAST(0 AS BIGINT UNSIGNED)) AS missing,
       runs_completed, runs_failed, runs_abandoned,
       runs - runs_completed - runs_failed - runs_abandoned AS runs_running,
       input_tokens, output_tokens,
       CASE WHEN first_time >= TIMESTAMP '1970-01-01T00:00:00Z'
            THEN CAST(last_time AS BIGINT) - CAST(first_time AS BIGINT) END AS duration_us
FROM seen
LEFT JOIN lost
    ON lost.topic = seen.topic AND lost.incarnation = seen.incarnation
    AND lost.tenant_id = seen.tenant_id AND lost.thread_id = seen.thread_id
