-- sessions: threads with what happened in them. Copies of messages are left out.
-- Grain: one row per thread.
-- Key: topic, incarnation, tenant_id, thread_id.
-- Units: times are UTC, the rest are counts; missing counts the sequences of view gaps.
--   Messages without a thread id are one row, with an empty thread_id and no runs.
WITH seen AS (
    SELECT topic, incarnation, tenant_id, thread_id,
           min(first_time) AS first_time, max(last_time) AS last_time,
           sum(messages) AS messages, sum(events) AS events, sum(token_chunks) AS token_chunks,
           sum(tool_executions) AS tool_executions, sum(state_diffs) AS state_diffs, sum(checkpoints) AS checkpoints,
           sum(metrics) AS metrics, sum(error_messages) AS error_messages, sum(execution_traces) AS execution_traces,
           count(*) FILTER (WHERE is_run) AS runs,
           sum(tool_calls) AS tool_calls, sum(errors) AS errors
    FROM run_parts
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
       coalesce(missing, CAST(0 AS BIGINT UNSIGNED)) AS missing
FROM seen
LEFT JOIN lost
    ON lost.topic = seen.topic AND lost.incarnation = seen.incarnation
    AND lost.tenant_id = seen.tenant_id AND lost.thread_id = seen.thread_id
