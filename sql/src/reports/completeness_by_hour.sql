-- completeness_by_hour: how much of what was sent is here, by hour.
-- Filter: time = hour
SELECT topic, incarnation, hour, expected, seen, missing, ambiguous, copies, dead_lettered, ratio,
       tails_closed, tails_open, tails_broken
FROM completeness
WHERE scope = 'hour' AND $filter
ORDER BY topic, incarnation, hour
