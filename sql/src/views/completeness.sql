-- completeness: how much of what was sent is in the store, per thread, run, tenant and hour.
-- Grain: one row per thing of a scope; ask for one scope at a time: WHERE scope = 'thread' (run, tenant, hour).
-- Key: scope, topic, incarnation, and what the scope names: tenant_id; tenant_id, thread_id; those and run_id; hour.
-- Units: hour is the beginning of an hour, UTC; ratio is seen of expected, from 0 to 1, and 1 if nothing is expected; the
--   rest are counts: expected, seen, missing and ambiguous of numbers, copies of messages, dead_lettered of records.
--
-- expected = seen + missing. missing counts the numbers of gaps that are proven (exact), ambiguous those of the others,
-- which are in neither of the two. A number missing before a message belongs to the run and the hour of that message.
-- seen: per thread and tenant the numbers of all strands; per run and hour the numbered messages, without copies (told by
-- their ids, so those without an id are not) and without envelopes of batches. hour is null where no time is known, and
-- for times before 1700 or after 2200.
-- dead_lettered: open letters whose key is the thread, at Kafka's time, else that of the message before them in the log. A
-- letter whose key names no thread, or threads of several tenants, is counted for no tenant (null).
-- tail: closed = a graph that ended came last; broken = a dead letter follows the last message of the thread; else open.
-- A lost tail cannot be seen from numbers. Per tenant and hour the tails of the threads (of the runs that began) are
-- counted instead.
-- Columns:
--   scope: thread, run, tenant or hour
--   topic, incarnation, tenant_id, thread_id, run_id
--   hour: the beginning of the hour
--   expected: numbers that were sent, as far as that is proven
--   seen: numbers that came
--   copies: messages that came again
--   dead_lettered: records that could not be decoded
--   missing: numbers of proven gaps
--   ambiguous: numbers of other gaps
--   ratio: seen of expected
--   tail: closed, open or broken; null for tenants and hours
--   tails_closed: threads or runs with a closed tail
--   tails_open: threads or runs with an open tail
--   tails_broken: threads or runs with a broken tail
WITH keyed AS (
    -- The message before each letter in the log, and whether one follows. Keys are bytes, and need be no text.
    SELECT letter.topic, letter.incarnation, min(message.thread_id) AS thread_id, letter.partition, letter."offset",
           letter.kafka_time,
           min(message.tenant_id) AS tenant_id,
           count(DISTINCT message.tenant_id) AS tenants,
           last_value(message.at ORDER BY message."offset", message.item)
               FILTER (WHERE message.partition = letter.partition AND message."offset" < letter."offset") AS at_before,
           -- Where no message of the thread lies in the letter's partition, nothing tells which came first.
           coalesce(bool_or(message.partition = letter.partition AND message."offset" < letter."offset")
               AND NOT bool_or(message.partition = letter.partition AND message."offset" > letter."offset"), false)
               AS is_last
    FROM open_dead_letters AS letter
    LEFT JOIN arrivals AS message
        ON message.topic = letter.topic AND message.incarnation = letter.incarnation
        AND arrow_cast(message.thread_id, 'BinaryView') = letter.key AND message.thread_id <> ''
    GROUP BY letter.topic, letter.incarnation, letter.partition, letter."offset", letter.kafka_time
),
part AS (
    SELECT topic, incarnation, tenant_id, thread_id, part, is_run, run_id, first_time, started, numbered,
           has_end OR has_failure AS has_ended,
           lead(first_time) OVER in_order AS next_time
    FROM run_parts
    WINDOW in_order AS (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY part)
),
mark AS (
    -- Whatever is counted beside what was seen, at its time.
    SELECT topic, incarnation, tenant_id, thread_id, next_time AS at,
           CASE WHEN certainty = 'exact' THEN CAST(missing AS DECIMAL(38, 0)) ELSE CAST(0 AS DECIMAL(38, 0)) END AS missing,
           CASE WHEN certainty = 'exact' THEN CAST(0 AS DECIMAL(38, 0)) ELSE CAST(missing AS DECIMAL(38, 0)) END
               AS ambiguous,
           CAST(0 AS BIGINT) AS copies, CAST(0 AS BIGINT) AS letters, false AS is_last
    FROM gaps
    UNION ALL
    SELECT topic, incarnation, tenant_id, thread_id, at,
           CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(38, 0)), CAST(1 AS BIGINT), CAST(0 AS BIGINT), false
    FROM arrivals
    WHERE repeated
    UNION ALL
    SELECT topic, incarnation, CASE WHEN tenants = 1 THEN tenant_id END, thread_id, coalesce(kafka_time, at_before),
           CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(38, 0)), CAST(0 AS BIGINT), CAST(1 AS BIGINT),
           is_last
    FROM keyed
),
thread AS (
    SELECT seen.topic, seen.incarnation, seen.tenant_id, seen.thread_id, seen.seen,
           coalesce(marks.missing, CAST(0 AS DECIMAL(38, 0))) AS missing,
           coalesce(marks.ambiguous, CAST(0 AS DECIMAL(38, 0))) AS ambiguous,
           coalesce(marks.copies, 0) AS copies, coalesce(marks.letters, 0) AS letters,
           coalesce(thread_tails.tail, 'open') AS tail
    FROM (
        SELECT topic, incarnation, tenant_id, thread_id, sum(seen) AS seen
        FROM (
            SELECT topic, incarnation, tenant_id, thread_id, CAST(seen AS DECIMAL(38, 0)) AS seen
            FROM strands
            UNION ALL
            -- Threads need have no numbers.
            SELECT topic, incarnation, tenant_id, thread_id, CAST(0 AS DECIMAL(38, 0))
            FROM messages
            WHERE sequence = 0
        )
        WHERE thread_id <> ''
        GROUP BY topic, incarnation, tenant_id, thread_id
    ) AS seen
    LEFT JOIN (
        SELECT topic, incarnation, tenant_id, thread_id, sum(missing) AS missing, sum(ambiguous) AS ambiguous,
               sum(copies) AS copies, sum(letters) AS letters
        FROM mark
        GROUP BY topic, incarnation, tenant_id, thread_id
    ) AS marks
        ON marks.topic = seen.topic AND marks.incarnation = seen.incarnation
        AND marks.tenant_id = seen.tenant_id AND marks.thread_id = seen.thread_id
    LEFT JOIN thread_tails
        ON thread_tails.topic = seen.topic AND thread_tails.incarnation = seen.incarnation
        AND thread_tails.tenant_id = seen.tenant_id AND thread_tails.thread_id = seen.thread_id
),
run AS (
    SELECT part.topic, part.incarnation, part.tenant_id, part.thread_id, run_id, CASE WHEN started BETWEEN TIMESTAMP '1700-01-01T00:00:00Z' AND TIMESTAMP '2200-01-01T00:00:00Z'
                THEN date_trunc('hour', started) END AS hour,
           CAST(numbered AS DECIMAL(38, 0)) AS seen,
           coalesce(sum(missing), CAST(0 AS DECIMAL(38, 0))) AS missing,
           coalesce(sum(ambiguous), CAST(0 AS DECIMAL(38, 0))) AS ambiguous,
           coalesce(sum(copies), 0) AS copies, coalesce(sum(letters), 0) AS letters,
           CASE WHEN bool_or(is_last) THEN 'broken' WHEN has_ended THEN 'closed' ELSE 'open' END AS tail
    FROM part
    LEFT JOIN mark
        ON mark.topic = part.topic AND mark.incarnation = part.incarnation
        AND mark.tenant_id = part.tenant_id AND mark.thread_id = part.thread_id
        AND mark.at >= part.first_time AND (part.next_time IS NULL OR mark.at < part.next_time)
    WHERE is_run
    GROUP BY part.topic, part.incarnation, part.tenant_id, part.thread_id, part.part, run_id, started, numbered, has_ended
),
hour AS (
    SELECT topic, incarnation, hour, sum(seen) AS seen, sum(missing) AS missing, sum(ambiguous) AS ambiguous,
           sum(copies) AS copies, sum(letters) AS letters,
           sum(closed) AS tails_closed, sum(open) AS tails_open, sum(broken) AS tails_broken
    FROM (
        SELECT topic, incarnation,
               CASE WHEN at BETWEEN TIMESTAMP '1700-01-01T00:00:00Z' AND TIMESTAMP '2200-01-01T00:00:00Z'
                    THEN date_trunc('hour', at) END AS hour,
               CAST(1 AS DECIMAL(38, 0)) AS seen,
               CAST(0 AS DECIMAL(38, 0)) AS missing, CAST(0 AS DECIMAL(38, 0)) AS ambiguous,
               CAST(0 AS BIGINT) AS copies, CAST(0 AS BIGINT) AS letters,
               0 AS closed, 0 AS open, 0 AS broken
        FROM messages
        WHERE sequence > 0 AND thread_id <> ''
        UNION ALL
        SELECT topic, incarnation,
               CASE WHEN at BETWEEN TIMESTAMP '1700-01-01T00:00:00Z' AND TIMESTAMP '2200-01-01T00:00:00Z'
                    THEN date_trunc('hour', at) END,
               CAST(0 AS DECIMAL(38, 0)), missing, ambiguous, copies,
               letters, 0, 0, 0
        FROM mark
        UNION ALL
        SELECT topic, incarnation, hour, CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(38, 0)),
               CAST(0 AS DECIMAL(38, 0)), CAST(0 AS BIGINT), CAST(0 AS BIGINT),
               CASE WHEN tail = 'closed' THEN 1 ELSE 0 END, CASE WHEN tail = 'open' THEN 1 ELSE 0 END,
               CASE WHEN tail = 'broken' THEN 1 ELSE 0 END
        FROM run
    )
    GROUP BY topic, incarnation, hour
),
tenant AS (
    SELECT topic, incarnation, tenant_id, sum(seen) AS seen, sum(missing) AS missing, sum(ambiguous) AS ambiguous,
           sum(copies) AS copies, sum(letters) AS letters,
           sum(closed) AS tails_closed, sum(open) AS tails_open, sum(broken) AS tails_broken
    FROM (
        SELECT topic, incarnation, tenant_id, seen, missing, ambiguous, copies, CAST(0 AS BIGINT) AS letters,
               CASE WHEN tail = 'closed' THEN 1 ELSE 0 END AS closed, CASE WHEN tail = 'open' THEN 1 ELSE 0 END AS open,
               CASE WHEN tail = 'broken' THEN 1 ELSE 0 END AS broken
        FROM thread
        UNION ALL
        SELECT topic, incarnation, CASE WHEN tenants = 1 THEN tenant_id END, CAST(0 AS DECIMAL(38, 0)),
               CAST(0 AS DECIMAL(38, 0)), CAST(0 AS DECIMAL(38, 0)), CAST(0 AS BIGINT), CAST(1 AS BIGINT), 0, 0, 0
        FROM keyed
    )
    GROUP BY topic, incarnation, tenant_id
),
scoped AS (
    SELECT 'thread' AS scope, topic, incarnation, tenant_id, thread_id, CAST(NULL AS BYTEA) AS run_id,
           CAST(NULL AS TIMESTAMP) AS hour, seen, missing, ambiguous, copies, letters, tail,
           CAST(NULL AS BIGINT) AS tails_closed, CAST(NULL AS BIGINT) AS tails_open, CAST(NULL AS BIGINT) AS tails_broken
    FROM thread
    UNION ALL
    SELECT 'run', topic, incarnation, tenant_id, thread_id, run_id, NULL, seen, missing, ambiguous, copies, letters,
           tail, NULL, NULL, NULL
    FROM run
    UNION ALL
    SELECT 'tenant', topic, incarnation, tenant_id, NULL, NULL, NULL, seen, missing, ambiguous, copies, letters, NULL,
           tails_closed, tails_open, tails_broken
    FROM tenant
    UNION ALL
    SELECT 'hour', topic, incarnation, NULL, NULL, NULL, hour, seen, missing, ambiguous, copies, letters, NULL,
           tails_closed, tails_open, tails_broken
    FROM hour
)
SELECT scope, topic, incarnation, tenant_id, thread_id, run_id, hour,
       seen + missing AS expected, seen, copies, letters AS dead_lettered, missing, ambiguous,
       CASE WHEN seen + missing = CAST(0 AS DECIMAL(38, 0)) THEN 1.0
            ELSE CAST(seen AS DOUBLE) / CAST(seen + missing AS DOUBLE) END AS ratio,
       tail, tails_closed, tails_open, tails_broken
FROM scoped
