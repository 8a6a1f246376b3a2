-- sessions: threads with what happened in them, those with most messages first.
-- Param: top count = 50 -- at most so many
-- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
SELECT topic, tenant_id, thread_id, count(*) AS runs,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'running') AS running,
       count(*) FILTER (WHERE status = 'abandoned') AS abandoned,
       min(started) AS first_start, max(last_time) AS last_message,
       round(sum(duration_us) / 1e3, 1) AS total_ms,
       sum(messages) AS messages, sum(events) AS events, sum(tool_calls) AS tool_calls, sum(errors) AS errors,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
FROM runs
WHERE $filter
GROUP BY topic, tenant_id, thread_id
ORDER BY messages DESC, topic, tenant_id, thread_id
LIMIT $top
