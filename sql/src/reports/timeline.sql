-- timeline: what happened in a thread, message by message.
-- Param: thread text -- the thread
-- Filter: time = at, tenant = tenant_id, thread = thread_id
SELECT topic, incarnation, tenant_id, place, at, round(since_start_us / 1e3, 1) AS since_start_ms, kind, what, node_id, subject, detail,
       round(duration_us / 1e3, 1) AS duration_ms, sequence, partition, "offset", item
FROM timeline
WHERE thread_id = $thread AND $filter
ORDER BY topic, incarnation, tenant_id, place
