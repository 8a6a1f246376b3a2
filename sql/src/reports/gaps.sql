SELECT topic, incarnation, tenant_id, thread_id, strand, first_missing, last_missing, missing, certainty, cause, dead_letters,
       prev_time, next_time
FROM gaps
ORDER BY missing DESC, topic, incarnation, tenant_id, thread_id, strand, first_missing
