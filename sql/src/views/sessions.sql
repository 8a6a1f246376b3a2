-- sessions: threads with what happened in them. Copies of messages are left out.
-- Grain: one row per thread.
-- Key: topic, incarnation, tenant_id, thread_id.
-- Units: times are UTC, duration_us microseconds, the rest are counts; missing counts the sequences of view gaps.
--   Messages without a thread id are one row, with an empty thread_id and no runs.
--   What counts as a run, as its status and as its tokens is told by view runs.
WITH newest AS (
    -- Answered by the manifest, without reading a row.
    SELECT coalesce(max(kafka_time), max(time)) AS store_time
    FROM (
        SELECT max(kafka_time) AS kafka_time, max(time) AS time FROM events
        UNION ALL SELECT max(kafka_time), max(time) FROM token_chunks
        UNION ALL SELECT max(kafka_time), max(time) FROM tool_executions
        UNION ALL SELECT max(kafka_time), max(time) FROM state_diffs
        UNION ALL SELECT max(kafka_time), max(time) FROM checkpoints
        UNION ALL SELECT max(kafka_time), max(time) FROM event_batches
        UNION ALL SELECT max(kafka_time), max(time) FROM metrics
        UNION ALL SELECT max(kafka_time), max(time) FROM errors
        UNION ALL SELECT max(kafka_time), max(time) FROM execution_traces
    )
),
seen AS (
    SELECT topic, incarnation, tenant_id, thread_id,
           min(first_time) AS first_time, max(last_time) AS last_time,
           sum(messages) AS messages, sum(events) AS events, sum(token_chunks) AS token_chunks,
           sum(tool_executions) AS tool_executions, sum(state_diffs) AS state_diffs, sum(checkpoints) AS checkpoints,
           sum(metrics) AS metrics, sum(error_messages) AS error_messages, sum(execution_traces) AS execution_traces,
           count(*) FILTER (WHERE is_run) AS runs,
           count(*) FILTER (WHERE is_run AND has_end AND NOT has_failure) AS runs_completed,
           count(*) FILTER (WHERE is_run AND has_failure) AS runs_failed,
           count(*) FILTER (WHERE is_run AND NOT has_end AND NOT has_failure
                            AND last_arrived < store_time - INTERVAL '30 minutes') AS runs_abandoned,
           sum(tool_calls) AS tool_calls, sum(errors) AS errors,
           sum(CAST(coalesce(llm_end_input_tokens, chunk_input_tokens) AS DECIMAL(38, 0))) AS input_tokens,
           sum(CAST(coalesce(llm_end_output_tokens, chunk_output_tokens) AS DECIMAL(38, 0))) AS output_tokens
    FROM run_parts CROSS JOIN newest
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
