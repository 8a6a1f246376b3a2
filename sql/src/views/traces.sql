-- traces: execution traces, each with the run that it tells of.
-- Grain: one row per ExecutionTrace message.
-- Key: topic, incarnation, partition, offset, item.
-- Units: times are UTC, duration_us microseconds, the rest are counts.
--
-- Converters leave the tenant of a trace empty. Such a trace belongs to the thread of its name, if only one tenant began or
-- ended a run in a thread of that name.
-- A trace tells of the run that was the newest of its thread when it was sent; run_id and run_number are null if
-- there was none.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1; null outside of runs
--   graph_name
--   execution_id: the execution, as the producer names it
--   completed: whether the execution came to its end
--   at: time at which the trace counts: the producer's, else Kafka's
--   duration_us: total_duration_ms of the trace, in microseconds
--   total_tokens: tokens in all; null for 0, which is how a trace tells that it knows none
--   nodes: the executed nodes as a JSON array
--   errors: the errors as a JSON array
--   sequence, partition, offset, item

-- run_id, run_number and graph_name are added to these rows, by their time: see sql/src/runs.
SELECT topic, incarnation, tenant_id, thread_id, execution_id, completed, at, duration_us, total_tokens, nodes, errors,
       sequence, partition, "offset", item
FROM owned_traces
