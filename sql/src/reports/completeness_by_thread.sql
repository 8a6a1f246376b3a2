-- completeness_by_thread: threads that are not known to be whole, least complete first.
-- Filter: tenant = tenant_id, thread = thread_id
SELECT topic, incarnation, tenant_id, thread_id, expected, seen, missing, ambiguous, copies, dead_lettered, ratio, tail
FROM completeness
WHERE scope = 'thread' AND (missing > 0 OR ambiguous > 0 OR dead_lettered > 0 OR tail <> 'closed') AND $filter
ORDER BY ratio, missing DESC, topic, incarnation, tenant_id, thread_id
