-- nodes: how often each node ran, how it ended and how long it took.
-- Grain: one row per node of a graph.
-- Key: topic, graph_name, node_id.
-- Units: durations in microseconds, error_rate from 0 to 1, the rest are counts.
--
-- Percentiles are nearest ranks: of n durations in order, number ceil(n * p). Executions whose duration is not known
-- count in executions, but in no duration. graph_name is null where the start of the run was lost.
-- Columns:
--   topic, graph_name
--   node_id: the node
--   executions: executions, running ones included
--   completed: executions that ended
--   failed: executions that ended with NODE_ERROR
--   running: executions of which no end was seen
--   error_rate: failed of those that ended; null if none did
--   total_duration_us: sum of the durations
--   min_duration_us: the shortest
--   avg_duration_us: the mean
--   p50_duration_us: the median
--   p95_duration_us: 95 % took no longer
--   p99_duration_us: 99 % took no longer
--   max_duration_us: the longest
--   first_time: when the first execution began
--   last_time: when the newest execution began
SELECT topic, graph_name, node_id, count(*) AS executions,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'running') AS running,
       CAST(count(*) FILTER (WHERE status = 'failed') AS DOUBLE)
           / nullif(count(*) FILTER (WHERE status <> 'running'), 0) AS error_rate,
       sum(CAST(duration_us AS DECIMAL(38, 0))) AS total_duration_us,
       min(duration_us) AS min_duration_us, avg(duration_us) AS avg_duration_us,
       percentile(duration_us, 0.5, 'nearest') AS p50_duration_us,
       percentile(duration_us, 0.95, 'nearest') AS p95_duration_us,
       percentile(duration_us, 0.99, 'nearest') AS p99_duration_us,
       max(duration_us) AS max_duration_us, min(at) AS first_time, max(at) AS last_time
FROM node_executions
GROUP BY topic, graph_name, node_id
