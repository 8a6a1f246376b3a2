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
    SELECT topic, incarnation, tenant_id, thread_id,
           last_value(role ORDER BY at, sequence, role, "offset") AS role
    FROM (
        SELECT topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time) AS at, sequence, "offset",
               CASE event_type WHEN 'GRAPH_START' THEN 0 WHEN 'GRAPH_ERROR' THEN 3 WHEN 'GRAPH_END' THEN 4 ELSE 1 END
                   AS role
        FROM events
        WHERE NOT repeated AND thread_id <> ''
            AND event_type IN ('GRAPH_START', 'GRAPH_END', 'GRAPH_ERROR', 'NODE_START', 'NODE_END', 'NODE_ERROR',
                               'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH', 'PARALLEL_START', 'PARALLEL_END')
            -- A quality alert is no end.
            AND NOT (event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') = 'quality_monitor')
    )
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
       CASE WHEN bool_or(is_broken) THEN 'broken' WHEN max(role) IN (3, 4) THEN 'closed' ELSE 'open' END AS tail
FROM (
    SELECT topic, incarnation, tenant_id, thread_id, role, false AS is_broken FROM last
    UNION ALL
    SELECT topic, incarnation, tenant_id, thread_id, CAST(NULL AS BIGINT), true FROM broken
)
GROUP BY topic, incarnation, tenant_id, thread_id
