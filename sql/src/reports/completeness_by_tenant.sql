-- completeness_by_tenant: how much of what was sent is here, by tenant.
-- Filter: tenant = tenant_id
SELECT topic, incarnation, tenant_id, expected, seen, missing, ambiguous, copies, dead_lettered, ratio,
       tails_closed, tails_open, tails_broken
FROM completeness
WHERE scope = 'tenant' AND $filter
ORDER BY topic, incarnation, tenant_id
