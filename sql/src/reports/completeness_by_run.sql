-- completeness_by_run: runs that are not known to be whole, least complete first.
-- Filter: tenant = tenant_id, thread = thread_id
SELECT topic, incarnation, tenant_id, thread_id, run_id, expected, seen, missing, ambiguous, copies, dead_lettered, ratio, tail
FROM completeness
WHERE scope = 'run' AND (missing > 0 OR ambiguous > 0 OR dead_lettered > 0 OR tail <> 'closed') AND $filter
ORDER BY ratio, missing DESC, topic, incarnation, tenant_id, thread_id, run_id
