-- strand_runs: the ledger by strand: which numbers of which counter were seen. Base of strands, gaps and completeness.
-- Grain: one row per unbroken run of numbers of a strand in one partition, as commits have written it.
-- Key: topic, incarnation, tenant_id, thread_id, strand, partition, first_sequence, first_offset.
-- Units: times are UTC; messages counts those that carried a number of the run, copies included.
--
-- A strand is the numbering of one counter. A thread in which no number came more than once is one strand, number 1 of
-- kind thread, and so is one in which copies alone did. Counters that start again, or that nodes have of their own, are
-- strands of kind thread, graph or node: see system.contested_threads.
-- certainty: exact, or ambiguous where the messages of the strand could be dealt to counters in another way.
-- head: from_one if the first number of the strand can have been seen, else unknown.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   strand: number of the strand in its thread
--   kind: thread, graph or node
--   node_id: of kind node: the node; null if unknown
--   certainty: exact or ambiguous
--   partition
--   first_sequence: first number of the run
--   last_sequence: last number of the run
--   messages: messages, copies included
--   first_time: when it begins
--   last_time: when it ends
--   first_offset: lowest offset
--   last_offset: highest offset
--   head: from_one or unknown
SELECT run.topic, run.incarnation, run.tenant_id, run.thread_id,
       CAST(1 AS INT) AS strand, 'thread' AS kind, CAST(NULL AS VARCHAR) AS node_id,
       CASE WHEN contested.thread_id IS NULL THEN 'exact' ELSE 'ambiguous' END AS certainty,
       run.partition, run.first_sequence, run.last_sequence, run.messages,
       run.first_time, run.last_time, run.first_offset, run.last_offset, run.head
FROM sequence_runs AS run
LEFT JOIN system.contested_threads AS contested
    ON contested.topic = run.topic AND contested.incarnation = run.incarnation
    AND contested.tenant_id = run.tenant_id AND contested.thread_id = run.thread_id
WHERE contested.is_split IS NULL OR NOT contested.is_split
UNION ALL
SELECT topic, incarnation, tenant_id, thread_id, strand, kind, node_id, certainty,
       partition, first_sequence, last_sequence, messages, first_time, last_time, first_offset, last_offset, head
FROM system.split_runs
