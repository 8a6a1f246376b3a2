-- gaps: every range of messages that is missing, with its cause and its neighbours.
-- Filter: time = next_time, tenant = tenant_id, thread = thread_id
SELECT topic, incarnation, tenant_id, thread_id, strand, first_missing, last_missing, missing, certainty, cause, dead_letters,
       prev_time, next_time
FROM gaps
WHERE $filter
ORDER BY missing DESC, topic, incarnation, tenant_id, thread_id, strand, first_missing
