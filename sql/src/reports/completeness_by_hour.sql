SELECT topic, incarnation, hour, expected, seen, missing, ambiguous, copies, dead_lettered, ratio,
       tails_closed, tails_open, tails_broken
FROM completeness
WHERE scope = 'hour'
ORDER BY topic, incarnation, hour
