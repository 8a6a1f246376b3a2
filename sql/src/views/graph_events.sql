-- graph_events: the events that tell the way of a graph, each with the run that it belongs to. Base of other views.
-- Grain: one row per event of a graph, node, edge or parallel section; copies and quality alerts are left out.
-- Key: topic, incarnation, partition, offset, item.
-- Units: times are UTC, duration_us microseconds.
--
-- Runs are cut as in run_parts: at a GRAPH_START, and at an event that follows an end without a GRAPH_START between.
-- Events without a thread id belong to no run, and are in no order. graph_name is the first that any event of the run tells.
-- role: 0 start, 1 another event of the graph, 3 failure, 4 end. Of one time and sequence, the lower role comes first.
-- A run whose last event is a NODE_ERROR, without an end or a failure, has failed: many emitters send nothing after it.
-- Columns:
--   topic, incarnation, partition, offset, item, tenant_id, thread_id
--   at: time at which the event counts: the producer's, else Kafka's
--   sequence
--   event_type: what happened: GRAPH_START, NODE_END, EDGE_TRAVERSAL and so on
--   role: 0 start of a graph, 1 anything between, 3 failure, 4 end
--   node_id: the node; the source of an edge; the names of a parallel section joined by commas
--   duration_us: how long it took, as the event tells it
--   error: the attribute `error`
--   edge_from: of edges: the attribute `edge_from`, which few emitters send
--   edge_to: of edges: the attribute `edge_to`, which few emitters send
--   begins_run: whether this is the first event of its run
--   ends_run: whether this is the last event of its run, as far as it was seen
--   run_id, graph_name
--   headless: whether the GRAPH_START of its run was never seen
--   run_number: number of the run in its thread, from 1; 0 before the first

-- begins_run, ends_run, run_id, graph_name, headless and run_number are added to these rows: see sql/src/runs.
SELECT topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time) AS at, sequence,
       event_type,
       CASE event_type WHEN 'GRAPH_START' THEN 0 WHEN 'GRAPH_END' THEN 4 WHEN 'GRAPH_ERROR' THEN 3 ELSE 1 END AS role,
       node_id, duration_us, error,
       CASE WHEN event_type IN ('EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH') THEN attributes ->> 'edge_from' END AS edge_from,
       CASE WHEN event_type IN ('EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH') THEN attributes ->> 'edge_to' END AS edge_to
FROM events
WHERE NOT repeated
  AND event_type IN ('GRAPH_START', 'GRAPH_END', 'GRAPH_ERROR', 'NODE_START', 'NODE_END', 'NODE_ERROR',
                     'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH', 'PARALLEL_START', 'PARALLEL_END')
  -- A quality alert is no failure of a graph.
  AND (event_type <> 'GRAPH_ERROR' OR coalesce(node_id, '') <> 'quality_monitor')
