-- cost_per_run: no run costs more than it may.
-- Severity: warning
-- Message: run {run_number} of thread {thread_id} cost {cost_usd} USD, {max_usd} USD at most
-- Tags: cost
-- Param: max_usd number = 1.0 -- bound in US dollars
--
-- Requests without a known price are not in the sum: see column unpriced of costs_by_run.
select thread_id, run_number, round(cost_usd, 4) as cost_usd, $max_usd as max_usd
from costs_by_run
where run_number is not null and cost_usd > $max_usd
order by cost_usd desc, thread_id, run_number
