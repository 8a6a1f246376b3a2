-- run_spans: from when to when messages of a thread belong to a run. Base of views that name the run of a thing.
-- Grain: one row per run.
-- Key: topic, incarnation, tenant_id, thread_id, run_number.
-- Units: times are UTC.
--
-- Runs are cut as in graph_events. A thing belongs to the run of its thread with the newest from_time that is not after
-- it: also after the run's end. Things without a time belong to the run whose from_time is null.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1
--   graph_name
--   headless: whether its GRAPH_START was never seen
--   from_time: when the run began; null, which is before all, for a first run of a thread without a start
--   next_time: when the next run of the thread began; null if there is none
WITH event AS (
    SELECT topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time) AS at, sequence, partition, "offset", item,
           message_id, graph_name,
           CASE event_type WHEN 'GRAPH_START' THEN 0 WHEN 'GRAPH_END' THEN 4 WHEN 'GRAPH_ERROR' THEN 3 ELSE 1 END AS role
    FROM events
    WHERE NOT repeated AND thread_id <> ''
      AND event_type IN ('GRAPH_START', 'GRAPH_END', 'GRAPH_ERROR', 'NODE_START', 'NODE_END', 'NODE_ERROR',
                         'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH', 'PARALLEL_START', 'PARALLEL_END')
      AND (event_type <> 'GRAPH_ERROR' OR coalesce(node_id, '') <> 'quality_monitor')
),
marked AS (
    SELECT *, role = 0 OR role_before IS NULL OR role IN (1, 3) AND role_before IN (3, 4) OR role = 4 AND role_before = 4
                  AS begins_run
    FROM (
        SELECT *, lag(role) OVER (PARTITION BY topic, incarnation, tenant_id, thread_id
                                  ORDER BY at, sequence, role, partition, "offset", item) AS role_before
        FROM event
    )
),
numbered AS (
    -- Few events begin a run or name the graph: what follows costs little.
    SELECT *, sum(CASE WHEN begins_run THEN 1 ELSE 0 END) OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY at, sequence, role, partition, "offset", item
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS run_number
    FROM marked
    WHERE begins_run OR graph_name IS NOT NULL
),
run AS (
    SELECT topic, incarnation, tenant_id, thread_id, run_number,
           max(message_id) FILTER (WHERE begins_run) AS run_id,
           first_value(graph_name ORDER BY at, sequence, role, partition, "offset", item)
               FILTER (WHERE graph_name IS NOT NULL) AS graph_name,
           bool_or(begins_run AND role <> 0) AS headless,
           min(at) AS began
    FROM numbered
    GROUP BY topic, incarnation, tenant_id, thread_id, run_number
)
SELECT topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name, headless,
       CASE WHEN run_number > 1 OR NOT headless THEN began END AS from_time,
       lead(began) OVER (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY run_number) AS next_time
FROM run
