-- completeness: share of the messages of a run that are in the store, as their numbers tell
-- Unit: fraction
-- Better: higher
-- Statistic: mean
-- Default: no
-- Filter: tenant = tenant_id, thread = thread_id
SELECT run_id, ratio AS value
FROM completeness
WHERE $filter AND scope = 'run'
