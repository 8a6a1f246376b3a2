-- tool_stats: how often each tool was called, how the calls ended and how long they took.
-- Grain: one row per tool.
-- Key: topic, tool_name.
-- Units: durations in microseconds, rates from 0 to 1, the rest are counts.
--
-- Calls are counted, not their stages. Percentiles are nearest ranks: of n durations in order, number ceil(n * p).
-- Columns:
--   topic
--   tool_name: the tool; null where no message names it
--   calls: calls, running ones included
--   completed: calls that completed
--   failed: calls that failed
--   running: calls without an end so far
--   success_rate: completed of those that ended; null if none did
--   attempts: tries of all calls
--   retried: calls that were tried more than once
--   retry_rate: retried of all calls
--   failed_attempts: tries that failed, also those of calls that completed later
--   total_duration_us: sum of the durations
--   min_duration_us: the shortest
--   avg_duration_us: the mean
--   p50_duration_us: the median
--   p95_duration_us: 95 % took no longer
--   p99_duration_us: 99 % took no longer
--   max_duration_us: the longest
--   first_time: when the first call began
--   last_time: when the newest call began
SELECT topic, tool_name, count(*) AS calls,
       count(*) FILTER (WHERE outcome = 'completed') AS completed,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome = 'running') AS running,
       CAST(count(*) FILTER (WHERE outcome = 'completed') AS DOUBLE)
           / nullif(count(*) FILTER (WHERE outcome <> 'running'), 0) AS success_rate,
       sum(attempts) AS attempts,
       count(*) FILTER (WHERE attempts > 1) AS retried,
       CAST(count(*) FILTER (WHERE attempts > 1) AS DOUBLE) / count(*) AS retry_rate,
       sum(failed_attempts) AS failed_attempts,
       sum(CAST(duration_us AS DECIMAL(38, 0))) AS total_duration_us,
       min(duration_us) AS min_duration_us, avg(duration_us) AS avg_duration_us,
       percentile(duration_us, 0.5, 'nearest') AS p50_duration_us,
       percentile(duration_us, 0.95, 'nearest') AS p95_duration_us,
       percentile(duration_us, 0.99, 'nearest') AS p99_duration_us,
       max(duration_us) AS max_duration_us, min(at) AS first_time, max(at) AS last_time
FROM tool_calls
GROUP BY topic, tool_name
