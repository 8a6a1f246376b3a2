-- What is missing, and why.
SELECT cause, count(*) AS gaps, sum(missing) AS missing_messages, count(DISTINCT tenant_id || '/' || thread_id) AS threads
FROM gaps
GROUP BY cause
ORDER BY cause
