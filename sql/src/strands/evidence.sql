-- Every numbered message as evidence of its thread's counters.
-- in_node: whether its kind has a counter of its own in applications that keep two. role: 1 the graph starts or ends,
-- 2 a node starts, 3 a node ends, 0 anything else. item: its place in the record, an envelope of events before them.
SELECT topic, incarnation, partition, "offset", item + 1 AS item, time, kafka_time, tenant_id, thread_id, sequence,
       message_id,
       event_type IN ('NODE_PROGRESS', 'NODE_THINKING', 'NODE_SUBSTEP', 'NODE_WARNING') AS in_node,
       CASE WHEN event_type IN ('GRAPH_START', 'GRAPH_END') THEN 1
            WHEN event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') <> 'quality_monitor' THEN 1
            WHEN event_type = 'NODE_START' THEN 2
            WHEN event_type IN ('NODE_END', 'NODE_ERROR') THEN 3
            ELSE 0 END AS role,
       CASE WHEN event_type LIKE 'NODE\_%' THEN node_id END AS node_id
FROM events WHERE sequence > 0 AND thread_id <> ''
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       true, 0, NULL
FROM token_chunks WHERE sequence > 0 AND thread_id <> ''
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       true, 0, NULL
FROM tool_executions WHERE sequence > 0 AND thread_id <> ''
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       true, 0, NULL
FROM errors WHERE sequence > 0 AND thread_id <> ''
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       coalesce(scope = 'node', false), 0, CASE WHEN scope = 'node' THEN scope_id END
FROM metrics WHERE sequence > 0 AND thread_id <> '' AND item = 0
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       false, 0, NULL
FROM state_diffs WHERE sequence > 0 AND thread_id <> ''
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       false, 0, NULL
FROM checkpoints WHERE sequence > 0 AND thread_id <> ''
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       false, 0, NULL
FROM event_batches WHERE sequence > 0 AND thread_id <> ''
UNION ALL
SELECT topic, incarnation, partition, "offset", 0, time, kafka_time, tenant_id, thread_id, sequence, message_id,
       false, 0, NULL
FROM execution_traces WHERE sequence > 0 AND thread_id <> ''
