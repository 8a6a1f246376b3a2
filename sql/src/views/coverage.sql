-- coverage: the account of the offsets of each partition: every one is a record in the tables, a dead letter, or a hole.
--   A dead letter that was resolved is a record in the tables.
-- Grain: one row per partition of a topic's incarnation.
-- Key: topic, incarnation, partition.
-- Units: all columns behind next_offset count offsets. holes counts those in holes of any cause, unexplained those in
--   holes whose cause could not be told. unaccounted is what is left: zero, or the store is damaged.
-- Columns:
--   topic, incarnation, partition
--   first_offset: the first offset that the store accounts for
--   next_offset: the offset behind the last one
--   records: offsets with rows
--   dead_letters: offsets with a record that could not be decoded
--   holes: offsets without a record
--   unexplained: holes whose cause could not be told
--   unaccounted: what is left; not 0 means damage
WITH decoded AS (
    SELECT topic, incarnation, partition, count(DISTINCT "offset") AS records
    FROM arrivals
    GROUP BY topic, incarnation, partition
),
letters AS (
    SELECT topic, incarnation, partition, count(*) AS dead_letters
    FROM open_dead_letters
    GROUP BY topic, incarnation, partition
),
holes AS (
    SELECT topic, incarnation, partition, sum(last_offset - first_offset + 1) AS holes,
           coalesce(sum(last_offset - first_offset + 1) FILTER (WHERE cause = 'unexplained'), 0) AS unexplained
    FROM system.offset_holes
    GROUP BY topic, incarnation, partition
)
SELECT position.topic, position.incarnation, position.partition, position.first_offset, position.next_offset,
       coalesce(records, 0) AS records, coalesce(dead_letters, 0) AS dead_letters,
       coalesce(holes, 0) AS holes, coalesce(unexplained, 0) AS unexplained,
       position.next_offset - position.first_offset - coalesce(records, 0) - coalesce(dead_letters, 0)
           - coalesce(holes, 0) AS unaccounted
FROM system.partitions AS position
LEFT JOIN decoded
    ON decoded.topic = position.topic AND decoded.incarnation = position.incarnation
    AND decoded.partition = position.partition
LEFT JOIN letters
    ON letters.topic = position.topic AND letters.incarnation = position.incarnation
    AND letters.partition = position.partition
LEFT JOIN holes
    ON holes.topic = position.topic AND holes.incarnation = position.incarnation
    AND holes.partition = position.partition
