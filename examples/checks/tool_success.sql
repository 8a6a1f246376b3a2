-- tool_success: tools succeed often enough.
-- Severity: critical
-- Message: {tool_name} succeeded in {success_percent} % of {ended} calls, at least {least_percent} % should
-- Tags: ci, tools
-- Param: least number = 0.9 -- least success rate, as a fraction
-- Param: calls count = 10 -- fewest calls that ended from which a rate is told
select tool_name,
       completed + failed as ended,
       round(100 * success_rate, 1) as success_percent,
       round(100 * $least, 1) as least_percent
from tool_stats
where completed + failed >= $calls and success_rate < $least
order by success_rate, tool_name
