SELECT topic, incarnation, tenant_id, expected, seen, missing, ambiguous, copies, dead_lettered, ratio,
       tails_closed, tails_open, tails_broken
FROM completeness
WHERE scope = 'tenant'
ORDER BY topic, incarnation, tenant_id
