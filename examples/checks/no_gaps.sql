-- no_gaps: no message is known to be missing.
-- Severity: critical
-- Message: thread {thread_id} lacks {missing} messages from number {first_missing} on ({cause})
-- Tags: ci, completeness
--
-- Gaps that another reading of the thread could explain (certainty ambiguous) are no violations.
select thread_id, first_missing, last_missing, missing, cause
from gaps
where certainty = 'exact'
order by missing desc, thread_id, first_missing
