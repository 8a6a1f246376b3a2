-- sessions: threads with what happened in them, those with most messages first. Also those without a run.
-- Param: top count = 50 -- at most so many
-- Filter: time = first_time, tenant = tenant_id, thread = thread_id
--
-- A thread has no graph of its own, as its runs can be of several: report runs filters by graph. span_ms is the time from
-- the first to the newest message.
SELECT topic, tenant_id, thread_id, runs, runs_completed AS completed, runs_failed AS failed, runs_running AS running,
       runs_abandoned AS abandoned, first_time AS first_message, last_time AS last_message,
       round(duration_us / 1e3, 1) AS span_ms, messages, events, tool_calls, errors, missing, input_tokens, output_tokens
FROM sessions
WHERE $filter
ORDER BY messages DESC, topic, incarnation, tenant_id, thread_id
LIMIT $top
