-- One row: the account of all threads. Sums are decimals: the numbers of a single thread may reach 2^64 - 1.
-- The same as scope 'thread' of view completeness, without what costs time and is not told: see there.
WITH seen AS (
    SELECT topic, incarnation, tenant_id, thread_id, CAST(seen AS DECIMAL(38, 0)) AS seen
    FROM strands
    WHERE thread_id <> ''
    UNION ALL
    SELECT topic, incarnation, tenant_id, thread_id, CAST(0 AS DECIMAL(38, 0))
    FROM messages
    WHERE sequence = 0 AND thread_id <> ''
),
thread AS (
    SELECT seen.seen, coalesce(tail, 'open') AS tail
    FROM (
        SELECT topic, incarnation, tenant_id, thread_id, sum(seen) AS seen
        FROM seen
        GROUP BY topic, incarnation, tenant_id, thread_id
    ) AS seen
    LEFT JOIN thread_tails
        ON thread_tails.topic = seen.topic AND thread_tails.incarnation = seen.incarnation
        AND thread_tails.tenant_id = seen.tenant_id AND thread_tails.thread_id = seen.thread_id
),
total AS (
    SELECT count(*) FILTER (WHERE seen > 0) AS threads, coalesce(sum(seen), 0) AS seen,
           count(*) FILTER (WHERE tail = 'closed') AS tails_closed,
           count(*) FILTER (WHERE tail = 'open') AS tails_open,
           count(*) FILTER (WHERE tail = 'broken') AS tails_broken
    FROM thread
),
lost AS (
    SELECT coalesce(sum(CAST(missing AS DECIMAL(38, 0))) FILTER (WHERE certainty = 'exact'), 0) AS missing,
           coalesce(sum(CAST(missing AS DECIMAL(38, 0))) FILTER (WHERE certainty <> 'exact'), 0) AS ambiguous
    FROM system.missing_numbers
    WHERE thread_id <> ''
)
SELECT (SELECT count(*) FROM messages) AS messages,
       (SELECT count(*) FROM open_dead_letters) AS dead_letters,
       threads, seen, missing, ambiguous, tails_closed, tails_open, tails_broken
FROM total CROSS JOIN lost
