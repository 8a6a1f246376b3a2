-- every_run_ends: a run that began ends or fails.
-- Severity: critical
-- Message: run {run_number} of thread {thread_id} ({graph_name}) began at {started} and was abandoned
-- Tags: ci, runs
-- Param: graph text = -- only of this graph
--
-- Abandoned: neither GRAPH_END nor GRAPH_ERROR came, and no message for 30 minutes.
select thread_id, run_number, graph_name, started, run_id
from runs
where status = 'abandoned' and ($graph is null or graph_name = $graph)
order by started, thread_id, run_number
