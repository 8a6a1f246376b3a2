-- How the tools did: a call counts once, whatever its stages and retries. Times in milliseconds.
WITH calls AS (
    SELECT tool_name, tenant_id, thread_id, call_id,
           bool_or(stage = 'COMPLETED') AS succeeded,
           count(*) FILTER (WHERE stage = 'FAILED') AS failed_attempts,
           max(duration_us) AS duration_us
    FROM tool_executions
    WHERE NOT repeated
    GROUP BY tool_name, tenant_id, thread_id, call_id
)
SELECT tool_name AS tool,
       count(*) AS calls,
       round(100.0 * count(*) FILTER (WHERE succeeded)
             / nullif(count(*) FILTER (WHERE succeeded OR failed_attempts > 0), 0), 1) AS success_percent,
       sum(failed_attempts) AS failed_attempts,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(duration_us AS DOUBLE)) / 1e3, 1) AS p50_ms,
       round(percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(duration_us AS DOUBLE)) / 1e3, 1) AS p95_ms
FROM calls
GROUP BY tool_name
ORDER BY calls DESC, tool
LIMIT 12
