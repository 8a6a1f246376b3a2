-- The messages of one thread that tell of its state or of the node that runs, in the order in which a producer sent them.
-- $1: tenant_id, $2: thread_id.
-- kind: 1 a run starts, 2 a node starts, 3 no node runs from here, 4 a StateDiff, 5 a Checkpoint.
--
-- A counter of the graph gives the order, if none of its numbers came twice; else the producer's time does.
WITH run AS (
    SELECT topic, incarnation, first_sequence, last_sequence, messages,
           max(last_sequence) OVER (
               PARTITION BY topic, incarnation ORDER BY first_sequence, last_sequence
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS reached
    FROM sequence_runs
    -- Runs of both emitters are one while no number came from both.
    WHERE tenant_id = $1 AND thread_id = $2 AND emitter <> 'node'
),
counter AS (
    SELECT topic, incarnation,
           bool_or(coalesce(reached >= first_sequence, false)
                   OR messages > CAST(last_sequence - first_sequence AS BIGINT) + 1) AS is_contested
    FROM run
    GROUP BY topic, incarnation
),
message AS (
    SELECT CASE WHEN event_type = 'GRAPH_START' THEN 1 WHEN event_type = 'NODE_START' THEN 2 ELSE 3 END AS kind,
           topic, incarnation, partition, "offset", item, coalesce(time, kafka_time) AS at, sequence, node_id,
           CASE WHEN event_type = 'GRAPH_START' THEN attributes ->> 'initial_state_json' END AS state,
           CAST(NULL AS VARCHAR) AS operations, CAST(NULL AS BYTEA) AS state_hash, false AS is_unreadable,
           CAST(NULL AS BOOLEAN) AS checksum_ok
    FROM events
    WHERE tenant_id = $1 AND thread_id = $2 AND NOT repeated
        AND event_type IN ('GRAPH_START', 'GRAPH_END', 'GRAPH_ERROR', 'NODE_START', 'NODE_END', 'NODE_ERROR',
                           'PARALLEL_START')
        -- A quality alert ends nothing.
        AND NOT (event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') = 'quality_monitor')
    UNION ALL
    SELECT 4, topic, incarnation, partition, "offset", item, coalesce(time, kafka_time), sequence, NULL, full_state,
           operations, state_hash, full_state_bytes IS NOT NULL, NULL
    FROM state_diffs
    WHERE tenant_id = $1 AND thread_id = $2 AND NOT repeated
    UNION ALL
    SELECT 5, topic, incarnation, partition, "offset", item, coalesce(time, kafka_time), sequence, NULL, state,
           NULL, NULL, state_bytes IS NOT NULL, checksum_ok
    FROM checkpoints
    WHERE tenant_id = $1 AND thread_id = $2 AND NOT repeated
),
unnumbered AS (
    SELECT topic, incarnation, true AS is_there
    FROM message
    WHERE sequence = 0
    GROUP BY topic, incarnation
),
ordered AS (
    SELECT message.*, NOT coalesce(is_there, is_contested, true) AS by_number
    FROM message
    LEFT JOIN counter ON counter.topic = message.topic AND counter.incarnation = message.incarnation
    LEFT JOIN unnumbered ON unnumbered.topic = message.topic AND unnumbered.incarnation = message.incarnation
)
SELECT * FROM ordered
ORDER BY topic, incarnation, CASE WHEN NOT by_number THEN at END, sequence, kind, partition, "offset", item
