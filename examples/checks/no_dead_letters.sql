-- no_dead_letters: every record could be decoded.
-- Severity: warning
-- Message: {letters} records of partition {partition} of {topic} could not be decoded: {reason}
-- Tags: ci, completeness
select topic, "partition", reason, count(*) as letters
from open_dead_letters
group by topic, "partition", reason
order by letters desc, topic, "partition", reason
