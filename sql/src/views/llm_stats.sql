-- llm_stats: how often each model was asked, how it answered and how fast.
-- Grain: one row per model.
-- Key: topic, model.
-- Units: durations in microseconds, tokens_per_second tokens, error_rate from 0 to 1, the rest are counts.
--
-- Percentiles are nearest ranks: of n values in order, number ceil(n * p). model is null where no message names it.
-- Columns:
--   topic
--   model: the model
--   calls: requests
--   completed: requests that were answered
--   failed: requests that failed
--   streaming: requests without an end so far
--   error_rate: failed of those that ended; null if none did
--   retries: LLM_RETRY events
--   input_tokens: tokens read
--   output_tokens: tokens written
--   avg_duration_us: mean duration
--   p50_duration_us: median duration
--   p95_duration_us: 95 % took no longer
--   p99_duration_us: 99 % took no longer
--   max_duration_us: longest duration
--   p50_time_to_first_token_us: median time to the first chunk
--   p95_time_to_first_token_us: 95 % began no later
--   avg_tokens_per_second: mean speed of the answers
--   largest_gap_us: longest time between two chunks of an answer
--   missing_chunks: chunks that did not come
SELECT topic, model, count(*) AS calls,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'streaming') AS streaming,
       CAST(count(*) FILTER (WHERE status = 'failed') AS DOUBLE)
           / nullif(count(*) FILTER (WHERE status <> 'streaming'), 0) AS error_rate,
       sum(retries) AS retries,
       sum(CAST(input_tokens AS DECIMAL(38, 0))) AS input_tokens,
       sum(CAST(output_tokens AS DECIMAL(38, 0))) AS output_tokens,
       avg(duration_us) AS avg_duration_us,
       percentile(duration_us, 0.5, 'nearest') AS p50_duration_us,
       percentile(duration_us, 0.95, 'nearest') AS p95_duration_us,
       percentile(duration_us, 0.99, 'nearest') AS p99_duration_us,
       max(duration_us) AS max_duration_us,
       percentile(time_to_first_token_us, 0.5, 'nearest') AS p50_time_to_first_token_us,
       percentile(time_to_first_token_us, 0.95, 'nearest') AS p95_time_to_first_token_us,
       avg(tokens_per_second) AS avg_tokens_per_second,
       max(largest_gap_us) AS largest_gap_us,
       sum(missing_chunks) AS missing_chunks
FROM llm_calls
GROUP BY topic, model
