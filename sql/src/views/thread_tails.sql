-- thread_tails: how each thread ends, as far as that can be told. Base of completeness.
-- Grain: one row per thread that has graph messages, or a dead letter behind its messages.
-- Key: topic, incarnation, tenant_id, thread_id.
-- Units: none.
--
-- tail: broken = a dead letter of the thread follows its last message in that partition; closed = the last message of
-- the graph, in the order of run_parts, is an end or a failure; else open. Threads that are not here are open as well.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   tail: closed, open or broken
WITH last AS (
    SELECT topic, incarnation, tenant_id, thread_id, last_value(is_closed ORDER BY run_number) AS is_closed
    FROM run_spans
    GROUP BY topic, incarnation, tenant_id, thread_id
),
broken AS (
    -- Keys are bytes, and need be no text. A key that names threads of several tenants tells of none.
    SELECT DISTINCT topic, incarnation, tenant_id, thread_id
    FROM (
        SELECT letter.topic, letter.incarnation, min(message.tenant_id) AS tenant_id,
               min(message.thread_id) AS thread_id
        FROM open_dead_letters AS letter
        JOIN arrivals AS message
            ON message.topic = letter.topic AND message.incarnation = letter.incarnation
            AND arrow_cast(message.thread_id, 'BinaryView') = letter.key AND message.thread_id <> ''
        GROUP BY letter.topic, letter.incarnation, letter.partition, letter."offset"
        HAVING count(DISTINCT message.tenant_id) = 1
            AND bool_or(message.partition = letter.partition AND message."offset" < letter."offset")
            AND NOT bool_or(message.partition = letter.partition AND message."offset" > letter."offset")
    )
)
SELECT topic, incarnation, tenant_id, thread_id,
       CASE WHEN bool_or(is_broken) THEN 'broken' WHEN bool_or(is_closed) THEN 'closed' ELSE 'open' END AS tail
FROM (
    SELECT topic, incarnation, tenant_id, thread_id, is_closed, false AS is_broken FROM last
    UNION ALL
    SELECT topic, incarnation, tenant_id, thread_id, false, true FROM broken
)
GROUP BY topic, incarnation, tenant_id, thread_id
