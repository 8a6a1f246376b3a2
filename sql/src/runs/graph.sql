-- The messages of the graph: what runs are cut by.
SELECT topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time) AS at, sequence, partition, "offset", item,
       CASE event_type WHEN 'GRAPH_START' THEN 0 WHEN 'GRAPH_END' THEN 4 WHEN 'GRAPH_ERROR' THEN 3 ELSE 1 END AS role,
       message_id, graph_name, duration_us, event_type = 'NODE_ERROR' AS is_node_error
FROM events
WHERE NOT repeated
  AND event_type IN ('GRAPH_START', 'GRAPH_END', 'GRAPH_ERROR', 'NODE_START', 'NODE_END', 'NODE_ERROR',
                     'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH', 'PARALLEL_START', 'PARALLEL_END')
  -- A quality alert is no failure of a graph.
  AND (event_type <> 'GRAPH_ERROR' OR coalesce(node_id, '') <> 'quality_monitor')
