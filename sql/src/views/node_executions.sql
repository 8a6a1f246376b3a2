-- node_executions: executions of nodes: each NODE_START with its NODE_END or NODE_ERROR.
-- Grain: one row per execution; a start without an end is one, and an end without a start.
-- Key: topic, incarnation, partition, offset, item: those of its start, else of its end.
-- Units: times are UTC, duration_us microseconds.
--
-- Starts and ends of a node are matched within a run as brackets are, so that a lost one spoils no other pair.
-- Without a thread id nothing tells which belong together: each event is an execution of its own.
-- Branches of parallel sections send no events of nodes, and events of other kinds never count as executions.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id, graph_name
--   node_id: the node
--   status: completed, failed (NODE_ERROR), or running: no end was seen, be it lost, late or never sent
--   started: when it began; null if its start was never seen
--   ended: when it ended; null if it runs
--   at: started, else ended: for filters by time
--   duration_us: as its end tells it, else ended - started; null if unknown
--   error: why it failed
--   sequence: the number of its start, else of its end
--   partition, offset, item
WITH step AS (
    SELECT *, CASE WHEN event_type = 'NODE_START' THEN 1 ELSE -1 END AS step
    FROM graph_events
    WHERE event_type IN ('NODE_START', 'NODE_END', 'NODE_ERROR')
),
nested AS (
    -- A start opens a level and an end leaves it. Counted through the thread, as many small windows are slow: where a node
    -- begins does not matter, as levels are compared within a node only.
    SELECT *, sum(step) OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY run_number, node_id, at, sequence, partition, "offset", item
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) + CASE WHEN step = 1 THEN 0 ELSE 1 END AS level
    FROM step
),
paired AS (
    -- Within a level starts and ends take turns, so that a start and the end after it have the same number.
    SELECT *, sum(CASE WHEN step = 1 THEN 1 ELSE 0 END) OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY run_number, node_id, level, at, sequence, partition, "offset", item
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS pair
    FROM nested
),
execution AS (
    SELECT topic, incarnation, tenant_id, thread_id, node_id,
           max(run_id) AS run_id, max(graph_name) AS graph_name,
           max(at) FILTER (WHERE step = 1) AS started,
           max(at) FILTER (WHERE step = -1) AS ended,
           bool_or(event_type = 'NODE_END') AS is_completed,
           bool_or(event_type = 'NODE_ERROR') AS is_failed,
           max(duration_us) FILTER (WHERE step = -1) AS duration_us,
           max(error) FILTER (WHERE step = -1) AS error,
           -- A pair has at most one start and one end.
           coalesce(max(sequence) FILTER (WHERE step = 1), max(sequence)) AS sequence,
           coalesce(max(partition) FILTER (WHERE step = 1), max(partition)) AS partition,
           coalesce(max("offset") FILTER (WHERE step = 1), max("offset")) AS "offset",
           coalesce(max(item) FILTER (WHERE step = 1), max(item)) AS item
    FROM paired
    GROUP BY topic, incarnation, tenant_id, thread_id, run_number, node_id, level, pair,
             CASE WHEN run_number = 0 THEN concat(partition, '/', "offset", '/', item) END
)
SELECT topic, incarnation, tenant_id, thread_id, run_id, graph_name, node_id,
       CASE WHEN is_completed THEN 'completed' WHEN is_failed THEN 'failed' ELSE 'running' END AS status,
       started, ended, coalesce(started, ended) AS at,
       coalesce(duration_us, CASE WHEN started >= TIMESTAMP '1970-01-01T00:00:00Z' AND ended >= started
                                  THEN CAST(ended AS BIGINT) - CAST(started AS BIGINT) END) AS duration_us,
       error, sequence, partition, "offset", item
FROM execution
