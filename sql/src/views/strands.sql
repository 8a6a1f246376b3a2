-- strands: the counters of each thread, and how much of their numbering was seen.
-- Grain: one row per strand of a thread.
-- Key: topic, incarnation, tenant_id, thread_id, strand.
-- Units: times are UTC, the earliest at which a run of its numbers begins and the latest at which one ends; seen and missing count numbers,
--   messages counts messages, copies included. seen + missing is what the counter has numbered up to last_sequence.
--
-- kind: thread = one counter for the whole thread; graph = that of the graph, beside node = that of one execution of
-- node node_id (null if unknown). Strands are numbered from 1 in each thread, graph before nodes, in the order of time.
-- certainty: whether what is missing is proven (exact) or could be otherwise (ambiguous). head: see strand_runs.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   strand: number of the strand in its thread
--   kind: thread, graph or node
--   node_id: of kind node: the node; null if unknown
--   certainty: exact or ambiguous
--   head: from_one or unknown
--   first_sequence: lowest number seen
--   last_sequence: highest number seen
--   seen: numbers that came
--   missing: numbers that did not come
--   messages: messages, copies included
--   first_time: when its numbers begin
--   last_time: when its numbers end
WITH strand AS (
    SELECT topic, incarnation, tenant_id, thread_id, strand,
           min(kind) AS kind, min(node_id) AS node_id, min(certainty) AS certainty,
           min(first_sequence) AS first_sequence, max(last_sequence) AS last_sequence,
           sum(messages) AS messages,
           min(first_time) AS first_time, max(last_time) AS last_time,
           CASE WHEN bool_or(head = 'unknown') THEN 'unknown' ELSE 'from_one' END AS head
    FROM strand_runs
    GROUP BY topic, incarnation, tenant_id, thread_id, strand
),
lost AS (
    SELECT topic, incarnation, tenant_id, thread_id, strand, sum(missing) AS missing
    FROM system.missing_numbers
    GROUP BY topic, incarnation, tenant_id, thread_id, strand
),
counted AS (
    SELECT strand.*, coalesce(lost.missing, CAST(0 AS BIGINT UNSIGNED)) AS missing
    FROM strand
    LEFT JOIN lost
        ON lost.topic = strand.topic AND lost.incarnation = strand.incarnation
        AND lost.tenant_id = strand.tenant_id AND lost.thread_id = strand.thread_id AND lost.strand = strand.strand
)
SELECT topic, incarnation, tenant_id, thread_id, strand, kind, node_id, certainty, head,
       first_sequence, last_sequence,
       CASE WHEN head = 'unknown' THEN last_sequence - (first_sequence - CAST(1 AS BIGINT UNSIGNED)) - missing
            ELSE last_sequence - missing END AS seen,
       missing, messages, first_time, last_time
FROM counted
