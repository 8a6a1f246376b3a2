-- latency_p95: 95 % of the runs of a graph take no longer than they may.
-- Severity: warning
-- Message: the p95 of {graph_name} is {p95_ms} ms over {runs} runs, {bound_ms} ms at most
-- Tags: ci, latency
-- Param: max_ms number = 30000 -- bound in milliseconds
-- Param: runs count = 20 -- fewest runs from which a percentile is told
-- Section: latency (table)
select graph_name, count(duration_us) as runs, percentile(duration_us, 0.95) / 1000 as p95_ms
from runs
where status = 'completed'
group by graph_name;
-- Section: slow
select graph_name, runs, round(p95_ms, 1) as p95_ms, round($max_ms, 1) as bound_ms
from latency
where runs >= $runs and p95_ms > $max_ms
order by p95_ms desc, graph_name
