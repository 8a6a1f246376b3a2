-- gaps: sequences of a strand that were never seen, below one that was.
-- Grain: one row per unbroken range of missing sequences of a strand of a thread.
-- Key: topic, incarnation, tenant_id, thread_id, strand, first_missing.
-- Units: missing counts sequences; prev_ and next_ tell the neighbours, the last message seen before the gap and the
--   first one seen after it: their sequence, partition, offset and time (UTC). prev_ columns are null at a missing head.
--
-- A strand is the numbering of one counter, whatever the partitions: its runs are joined over all of them. Most threads
-- are one strand, number 1; see view strands for the others.
-- Numbering starts at 1, so a head that is missing is a gap, unless reading began in mid-stream somewhere in the strand.
-- certainty: exact = the messages were numbered and did not come; ambiguous = the messages of the thread could be dealt to
-- counters in another way that leaves no such gap.
-- cause: what lies between the neighbours in the log. dead_lettered = at least as many open dead letters with this thread as key
-- as numbers are missing; offset_hole = an unexplained hole; producer = neither: the numbers never reached the log;
-- undetermined = what is there does not tell: fewer letters than numbers (one may hold a batch, or be one of them), a
-- letter beside a hole, one that fits several gaps, or one in a thread of several strands. dead_letters counts them.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   strand: number of the strand in its thread
--   certainty: exact or ambiguous
--   first_missing: first number of the gap
--   last_missing: last number of the gap
--   missing: how many numbers
--   cause: dead_lettered, offset_hole, producer or undetermined
--   dead_letters: open dead letters between the neighbours
--   prev_sequence: number before the gap; null at a missing head
--   prev_partition: where the message before the gap lies
--   prev_offset: where the message before the gap lies
--   prev_time: time of the message before the gap
--   next_sequence: number behind the gap
--   next_partition: where the message behind the gap lies
--   next_offset: where the message behind the gap lies
--   next_time: time of the message behind the gap
WITH letters AS (
    SELECT DISTINCT topic, incarnation, partition, "offset", key
    FROM open_dead_letters
    WHERE key IS NOT NULL
),
fitting AS (
    SELECT gap.id, letter.topic, letter.incarnation, letter.partition, letter."offset"
    FROM system.missing_numbers AS gap
    JOIN letters AS letter
        ON letter.topic = gap.topic AND letter.incarnation = gap.incarnation
        AND letter.key = arrow_cast(gap.thread_id, 'BinaryView')
        AND (letter.partition <> gap.next_partition OR letter."offset" < gap.next_offset)
        AND (letter.partition <> gap.prev_partition OR letter."offset" > gap.prev_offset OR gap.prev_offset IS NULL)
        AND (letter.partition = gap.next_partition OR letter.partition = gap.prev_partition)
),
claims AS (
    SELECT topic, incarnation, partition, "offset", count(*) AS gaps
    FROM fitting
    GROUP BY topic, incarnation, partition, "offset"
),
lettered AS (
    SELECT id, count(*) AS dead_letters, max(gaps) > 1 AS is_shared
    FROM fitting
    JOIN claims
        ON claims.topic = fitting.topic AND claims.incarnation = fitting.incarnation
        AND claims.partition = fitting.partition AND claims."offset" = fitting."offset"
    GROUP BY id
),
unexplained AS (
    SELECT topic, incarnation, partition, first_offset, last_offset
    FROM system.offset_holes
    WHERE cause = 'unexplained'
),
holed AS (
    SELECT gap.id, count(*) AS holes
    FROM system.missing_numbers AS gap
    JOIN unexplained AS hole
        ON hole.topic = gap.topic AND hole.incarnation = gap.incarnation
        AND (hole.partition <> gap.next_partition OR hole.first_offset < gap.next_offset)
        AND (hole.partition <> gap.prev_partition OR hole.last_offset > gap.prev_offset OR gap.prev_offset IS NULL)
        AND (hole.partition = gap.next_partition OR hole.partition = gap.prev_partition)
    GROUP BY gap.id
)
SELECT topic, incarnation, tenant_id, thread_id, strand, certainty, first_missing, last_missing, missing,
       CASE WHEN dead_letters IS NULL AND holes IS NULL THEN 'producer'
            WHEN dead_letters IS NULL THEN 'offset_hole'
            WHEN CAST(dead_letters AS BIGINT UNSIGNED) >= missing AND holes IS NULL AND NOT is_one_of_several
                AND NOT is_shared THEN 'dead_lettered'
            ELSE 'undetermined' END AS cause,
       coalesce(dead_letters, 0) AS dead_letters,
       prev_sequence, prev_partition, prev_offset, prev_time,
       next_sequence, next_partition, next_offset, next_time
FROM system.missing_numbers AS gap
LEFT JOIN lettered ON lettered.id = gap.id
LEFT JOIN holed ON holed.id = gap.id
