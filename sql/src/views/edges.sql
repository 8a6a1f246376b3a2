-- edges: the way that runs took: every step from a node to the next.
-- Grain: one row per EDGE_TRAVERSAL and CONDITIONAL_BRANCH.
-- Key: topic, incarnation, partition, offset, item.
-- Units: times are UTC.
--
-- Emitters name the source and mostly not the target. Without attribute edge_to the target is taken from what comes
-- next in the run: the node that starts, the parallel section, or __end__ where the graph ends. It is null if the next
-- event tells nothing of it, as another edge does not, and without a thread id, as nothing tells what came next then.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id, graph_name
--   kind: edge (always taken) or branch (chosen by a condition)
--   from_node: the node that was left: attribute edge_from, else the node of the event
--   to_node: where it led; __end__ at the end of the graph; several names joined by commas for a parallel section
--   inferred: whether to_node was taken from the event after it; null if to_node is
--   at: when it was taken
--   sequence, partition, offset, item
WITH step AS (
    SELECT *, lead(run_number) OVER in_thread AS next_run, lead(event_type) OVER in_thread AS next_type,
           lead(node_id) OVER in_thread AS next_node
    FROM graph_events
    WINDOW in_thread AS (PARTITION BY topic, incarnation, tenant_id, thread_id
                         ORDER BY at, sequence, role, partition, "offset", item)
)
SELECT topic, incarnation, tenant_id, thread_id, run_id, graph_name,
       CASE event_type WHEN 'EDGE_TRAVERSAL' THEN 'edge' ELSE 'branch' END AS kind,
       coalesce(edge_from, node_id) AS from_node,
       coalesce(edge_to, inferred_to) AS to_node,
       CASE WHEN edge_to IS NOT NULL THEN false WHEN inferred_to IS NOT NULL THEN true END AS inferred,
       at, sequence, partition, "offset", item
FROM (
    SELECT *, CASE WHEN run_number = 0 OR (next_run IS DISTINCT FROM run_number) THEN NULL
                   WHEN next_type = 'GRAPH_END' THEN '__end__'
                   -- An end or an error without its start: the start was lost.
                   WHEN next_type IN ('NODE_START', 'NODE_END', 'NODE_ERROR', 'PARALLEL_START', 'PARALLEL_END')
                   THEN next_node END AS inferred_to
    FROM step
    WHERE event_type IN ('EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH')
)
