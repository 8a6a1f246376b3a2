-- gaps: sequences of a thread that were never seen, below one that was.
-- Grain: one row per unbroken range of missing sequences of a thread.
-- Key: topic, incarnation, tenant_id, thread_id, first_missing.
-- Units: missing counts sequences; prev_ and next_ tell the neighbours, the last message seen before the gap and the
--   first one seen after it: their sequence, partition, offset and time (UTC). prev_ columns are null at a missing head.
--
-- A thread is taken as one counter, whatever its partitions and emitters: its runs are joined over all of them.
-- Numbering starts at 1, so a head that is missing is a gap, unless reading began in mid-stream somewhere in the thread.
-- cause: dead_lettered = an unresolved dead letter with this thread as key lies between the neighbours; offset_hole = an
-- unexplained hole does; else producer: the numbers never reached the log.
WITH reach AS (
    -- Highest number in the runs of the thread that begin before this one.
    SELECT topic, incarnation, tenant_id, thread_id, partition, first_sequence, first_time, first_offset,
           max(last_sequence) OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY first_sequence, last_sequence DESC, partition, first_offset
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS reached
    FROM sequence_runs
),
step AS (
    -- A run that begins beyond the next number. The difference is taken where it is above zero, so nothing wraps.
    SELECT topic, incarnation, tenant_id, thread_id, partition, first_sequence, first_time, first_offset,
           reached, coalesce(reached, CAST(0 AS BIGINT UNSIGNED)) AS below
    FROM reach
    WHERE first_sequence > coalesce(reached, CAST(0 AS BIGINT UNSIGNED))
        AND first_sequence - coalesce(reached, CAST(0 AS BIGINT UNSIGNED)) > CAST(1 AS BIGINT UNSIGNED)
),
unknown_head AS (
    SELECT DISTINCT topic, incarnation, tenant_id, thread_id
    FROM sequence_runs
    WHERE head = 'unknown'
),
hole AS (
    SELECT step.topic, step.incarnation, step.tenant_id, step.thread_id,
           below + CAST(1 AS BIGINT UNSIGNED) AS first_missing,
           first_sequence - CAST(1 AS BIGINT UNSIGNED) AS last_missing,
           first_sequence - below - CAST(1 AS BIGINT UNSIGNED) AS missing,
           reached AS prev_sequence,
           first_sequence AS next_sequence, partition AS next_partition, first_offset AS next_offset,
           first_time AS next_time
    FROM step
    LEFT JOIN unknown_head AS head
        ON head.topic = step.topic AND head.incarnation = step.incarnation
        AND head.tenant_id = step.tenant_id AND head.thread_id = step.thread_id
    WHERE reached IS NOT NULL OR head.thread_id IS NULL
),
gap AS (
    -- The run that ends before the gap; of several copies, one in the partition of the next message if there is one.
    SELECT hole.topic, hole.incarnation, hole.tenant_id, hole.thread_id, first_missing, last_missing, missing,
           prev_sequence,
           first_value(run.partition ORDER BY run.partition <> next_partition, run.partition, run.first_offset)
               AS prev_partition,
           first_value(run.last_offset ORDER BY run.partition <> next_partition, run.partition, run.first_offset)
               AS prev_offset,
           first_value(run.last_time ORDER BY run.partition <> next_partition, run.partition, run.first_offset)
               AS prev_time,
           next_sequence, next_partition, next_offset, next_time
    FROM hole
    LEFT JOIN sequence_runs AS run
        ON run.topic = hole.topic AND run.incarnation = hole.incarnation
        AND run.tenant_id = hole.tenant_id AND run.thread_id = hole.thread_id
        AND run.last_sequence = hole.prev_sequence
    GROUP BY hole.topic, hole.incarnation, hole.tenant_id, hole.thread_id, first_missing, last_missing, missing,
             prev_sequence, next_sequence, next_partition, next_offset, next_time
),
letters AS (
    -- A letter that was resolved explains no gap: its message is in the tables.
    SELECT DISTINCT letter.topic, letter.incarnation, letter.partition, letter."offset", letter.key
    FROM dead_letters AS letter
    LEFT ANTI JOIN dead_letter_resolutions AS resolution
        ON resolution.topic = letter.topic AND resolution.incarnation = letter.incarnation
        AND resolution.partition = letter.partition AND resolution."offset" = letter."offset"
    WHERE letter.key IS NOT NULL
),
lettered AS (
    SELECT gap.topic, gap.incarnation, gap.tenant_id, gap.thread_id, first_missing, last_missing, missing,
           prev_sequence, prev_partition, prev_offset, prev_time,
           next_sequence, next_partition, next_offset, next_time,
           count(letter.partition) > 0 AS has_letter
    FROM gap
    LEFT JOIN letters AS letter
        ON letter.topic = gap.topic AND letter.incarnation = gap.incarnation
        AND letter.key = arrow_cast(gap.thread_id, 'BinaryView')
        AND (letter.partition <> gap.next_partition OR letter."offset" < gap.next_offset)
        AND (letter.partition <> gap.prev_partition OR letter."offset" > gap.prev_offset OR gap.prev_offset IS NULL)
        AND (letter.partition = gap.next_partition OR letter.partition = gap.prev_partition)
    GROUP BY gap.topic, gap.incarnation, gap.tenant_id, gap.thread_id, first_missing, last_missing, missing,
             prev_sequence, prev_partition, prev_offset, prev_time,
             next_sequence, next_partition, next_offset, next_time
),
unexplained AS (
    SELECT topic, incarnation, partition, first_offset, last_offset
    FROM system.offset_holes
    WHERE cause = 'unexplained'
)
SELECT gap.topic, gap.incarnation, gap.tenant_id, gap.thread_id, first_missing, last_missing, missing,
       CASE WHEN has_letter THEN 'dead_lettered'
            WHEN count(hole.partition) > 0 THEN 'offset_hole'
            ELSE 'producer' END AS cause,
       prev_sequence, prev_partition, prev_offset, prev_time,
       next_sequence, next_partition, next_offset, next_time
FROM lettered AS gap
LEFT JOIN unexplained AS hole
    ON hole.topic = gap.topic AND hole.incarnation = gap.incarnation
    AND (hole.partition <> gap.next_partition OR hole.first_offset < gap.next_offset)
    AND (hole.partition <> gap.prev_partition OR hole.last_offset > gap.prev_offset OR gap.prev_offset IS NULL)
    AND (hole.partition = gap.next_partition OR hole.partition = gap.prev_partition)
GROUP BY gap.topic, gap.incarnation, gap.tenant_id, gap.thread_id, first_missing, last_missing, missing, has_letter,
         prev_sequence, prev_partition, prev_offset, prev_time,
         next_sequence, next_partition, next_offset, next_time
