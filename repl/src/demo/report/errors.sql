-- What went wrong in the agents.
SELECT error_code, severity, count(*) AS errors, count(DISTINCT tenant_id || '/' || thread_id) AS threads
FROM errors
WHERE NOT repeated
GROUP BY error_code, severity
ORDER BY errors DESC, error_code, severity
LIMIT 10
