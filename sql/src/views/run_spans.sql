-- run_spans: from when to when messages of a thread belong to a run. Base of views that name the run of a thing.
-- Grain: one row per run.
-- Key: run_id; topic, incarnation, tenant_id, thread_id, run_number.
-- Units: times are UTC.
--
-- A thing belongs to the run of its thread with the newest from_time that is not after it: also after the run's end.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1
--   graph_name
--   headless: whether its GRAPH_START was never seen
--   from_time: when the run began; null, which is before all, for a first run of a thread without a start
--   next_time: when the next run of the thread began; null if there is none
SELECT topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name, headless,
       CASE WHEN run_number > 1 OR NOT headless THEN at END AS from_time,
       lead(at) OVER (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY run_number) AS next_time
FROM graph_events
WHERE begins_run
