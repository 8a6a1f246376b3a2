-- The runs of one thread, with the start of the run after each. $1: tenant_id, $2: thread_id.
SELECT topic, incarnation, run_id, started,
       lead(started) OVER (PARTITION BY topic, incarnation ORDER BY part) AS next_started
FROM run_parts
WHERE tenant_id = $1 AND thread_id = $2 AND is_run
