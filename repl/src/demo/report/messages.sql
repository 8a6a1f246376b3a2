-- What arrived, by kind.
SELECT kind, count(*) AS messages, count(DISTINCT tenant_id || '/' || thread_id) AS threads
FROM messages
GROUP BY kind
ORDER BY messages DESC, kind
