-- llm_calls: requests to models, put together from the chunks of their answers and from LLM_* events.
-- Grain: one row per request of a thread; of a request id that is used again in a later run one row per run. A final chunk
--   without a request id is a request of its own, and so is an LLM_END or LLM_ERROR without one that ends no other.
-- Key: topic, incarnation, tenant_id, thread_id, run_number, request_id, if there is one.
-- Units: times are UTC, durations (_us) microseconds, cost_usd USD, tokens_per_second tokens; the rest are counts.
--
-- A request id is used again if a thread has two of what a request sends once: LLM_START, LLM_END, a final chunk, or a chunk
-- of one chunk_index. Then its messages belong to the runs of their times. A request belongs to the run of its first message.
-- An LLM_END or LLM_ERROR without a request id ends the request of its thread whose final chunk came last before it, which
-- has no end of its own; where several such lie before several ends, they are matched as brackets are. It does not if both
-- name a model and neither name begins with the other.
-- Token counts are those of LLM_END, else the highest of the chunks: producers repeat or add up the counts of a request
-- on its chunks, so they are never summed; a count below 0 is none. Chunks that tell a total and 0 of both tell the total
-- only. Other chunks, starts and retries without a request id
-- are left out. Messages without a thread id can be of any thread: what they tell of a request is a row with an empty
-- thread_id.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1; null outside of runs
--   graph_name
--   request_id: the request, as the producer names it; null if it does not
--   node_id: the node that asked; known from events only
--   model: the model: as LLM_END says, else other events, else the chunks
--   status: completed (LLM_END or a final chunk came), failed (LLM_ERROR, or it finished with ERROR), else streaming
--   started: LLM_START, else the first message of the request
--   first_token: the first chunk
--   ended: LLM_END or LLM_ERROR, else the final chunk; null while streaming
--   at: started, for filters by time
--   time_to_first_token_us: from LLM_START to the first chunk
--   duration_us: as LLM_END or LLM_ERROR tells it, else ended - started
--   input_tokens: tokens read
--   output_tokens: tokens written
--   total_tokens: their sum, else the total that the chunks tell
--   llm_end_tokens: both, as LLM_END tells them
--   chunk_tokens: both, as the chunks tell them, else the total that they tell
--   tokens_from: llm_end or token_chunks; null without counts
--   tokens_per_second: output_tokens of duration_us
--   reported_cost_usd: the attribute cost_usd of LLM_END, if it is an amount
--   chunks: chunks that came
--   missing_chunks: chunks up to the highest chunk_index that did not come; null without a thread id
--   largest_gap_us: longest time between two chunks
--   retries: LLM_RETRY events
--   finish_reason: as the final chunk tells it
--   error: text of the newest LLM_ERROR

-- run_id, run_number and graph_name are added to these rows, by first_time: see sql/src/runs.
WITH ending AS (
    -- Final chunks whose request has no end of its own, and ends that name no request.
    SELECT 1 AS step, topic, incarnation, tenant_id, thread_id, partition, "offset", item, sequence,
           coalesce(time, kafka_time) AS at, request_id, model
    FROM token_chunks AS chunk
    LEFT ANTI JOIN (
        SELECT topic, incarnation, tenant_id, thread_id, llm_request_id
        FROM events
        WHERE event_type IN ('LLM_END', 'LLM_ERROR') AND llm_request_id IS NOT NULL
    ) AS own
        ON own.topic = chunk.topic AND own.incarnation = chunk.incarnation AND own.tenant_id = chunk.tenant_id
        AND own.thread_id = chunk.thread_id AND own.llm_request_id = chunk.request_id
    WHERE NOT repeated AND is_final AND thread_id <> ''
    UNION ALL
    SELECT -1, topic, incarnation, tenant_id, thread_id, partition, "offset", item, sequence,
           coalesce(time, kafka_time), NULL, model
    FROM events
    WHERE NOT repeated AND event_type IN ('LLM_END', 'LLM_ERROR') AND llm_request_id IS NULL AND thread_id <> ''
),
nested AS (
    SELECT *, sum(step) OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY at, sequence, step DESC, partition, "offset", item
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) + CASE WHEN step = 1 THEN 0 ELSE 1 END AS level
    FROM ending
),
ended AS (
    -- Within a level final chunks and ends take turns: what an end ends is right before it.
    SELECT *, lag(step) OVER in_level AS step_before, lag(at) OVER in_level AS at_before,
           lag(request_id) OVER in_level AS request_before, lag(model) OVER in_level AS model_before,
           lag(partition) OVER in_level AS partition_before, lag("offset") OVER in_level AS offset_before,
           lag(item) OVER in_level AS item_before, lag(level) OVER in_level AS level_before
    FROM nested
    WINDOW in_level AS (PARTITION BY topic, incarnation, tenant_id, thread_id
                        ORDER BY level, at, sequence, step DESC, partition, "offset", item)
),
link AS (
    -- The end, and the request that it ends.
    SELECT topic, incarnation, partition, "offset", item, at_before AS at, request_before AS request_id,
           CASE WHEN request_before IS NULL THEN concat(partition_before, '/', offset_before, '/', item_before) END AS lone
    FROM ended
    WHERE step = -1 AND step_before = 1 AND level_before = level
      AND (model IS NULL OR model_before IS NULL OR starts_with(model, model_before) OR starts_with(model_before, model))
),
message AS (
    SELECT 'CHUNK' AS kind, topic, incarnation, tenant_id, thread_id, request_id,
           CASE WHEN request_id IS NULL THEN concat(partition, '/', "offset", '/', item) END AS lone,
           coalesce(time, kafka_time) AS at, coalesce(time, kafka_time) AS placed_at, chunk_index, is_final,
           CASE WHEN is_final THEN CAST(finish_reason AS VARCHAR) END AS finish_reason, model,
           -- Where only the total is told, the two are 0.
           CASE WHEN NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0) THEN prompt_tokens END
               AS input_tokens,
           CASE WHEN NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0) THEN completion_tokens END
               AS output_tokens,
           total_tokens, CAST(NULL AS VARCHAR) AS node_id, CAST(NULL AS BIGINT) AS duration_us,
           CAST(NULL AS DOUBLE) AS cost_usd, CAST(NULL AS VARCHAR) AS error
    FROM token_chunks
    WHERE NOT repeated AND (request_id IS NOT NULL OR is_final)
    UNION ALL
    SELECT CAST(event_type AS VARCHAR), event.topic, event.incarnation, tenant_id, thread_id,
           coalesce(llm_request_id, link.request_id),
           CASE WHEN coalesce(llm_request_id, link.request_id) IS NULL
                THEN coalesce(link.lone, concat(event.partition, '/', event."offset", '/', event.item)) END,
           coalesce(time, kafka_time), coalesce(link.at, time, kafka_time), NULL, false, NULL, model,
           CASE WHEN event_type = 'LLM_END' AND input_tokens >= 0 THEN input_tokens END,
           CASE WHEN event_type = 'LLM_END' AND output_tokens >= 0 THEN output_tokens END,
           NULL, node_id, duration_us,
           -- What is no number, or cannot be an amount, is not taken for one; nor is a count below 0.
           CASE WHEN event_type = 'LLM_END' AND cost_usd BETWEEN 0 AND 1e9 THEN cost_usd END,
           CASE WHEN event_type = 'LLM_ERROR' THEN error END
    FROM events AS event
    LEFT JOIN link
        ON link.topic = event.topic AND link.incarnation = event.incarnation AND link.partition = event.partition
        AND link."offset" = event."offset" AND link.item = event.item
    WHERE NOT repeated AND event_type IN ('LLM_START', 'LLM_END', 'LLM_ERROR', 'LLM_RETRY')
      AND (llm_request_id IS NOT NULL OR event_type IN ('LLM_END', 'LLM_ERROR'))
),
used_again AS (
    SELECT topic, incarnation, tenant_id, thread_id, request_id
    FROM (
        SELECT topic, incarnation, tenant_id, thread_id, request_id, chunk_index, is_final, 'CHUNK' AS kind
        FROM token_chunks
        WHERE NOT repeated AND request_id IS NOT NULL
        UNION ALL
        SELECT topic, incarnation, tenant_id, thread_id, llm_request_id, NULL, false, CAST(event_type AS VARCHAR)
        FROM events
        WHERE NOT repeated AND llm_request_id IS NOT NULL AND event_type IN ('LLM_START', 'LLM_END')
    )
    GROUP BY topic, incarnation, tenant_id, thread_id, request_id
    HAVING count(*) FILTER (WHERE kind = 'LLM_START') > 1 OR count(*) FILTER (WHERE kind = 'LLM_END') > 1
        OR count(*) FILTER (WHERE is_final) > 1 OR count(chunk_index) > count(DISTINCT chunk_index)
),
again AS (
    -- Mostly none, so that messages need not be placed in runs one by one: requests are, which are fewer.
    SELECT used.topic, used.incarnation, used.tenant_id, used.thread_id, used.request_id, run_number, from_time, next_time
    FROM used_again AS used
    JOIN run_spans AS span
        ON span.topic = used.topic AND span.incarnation = used.incarnation
        AND span.tenant_id = used.tenant_id AND span.thread_id = used.thread_id
),
keyed AS (
    SELECT message.*, again.run_number AS run_key
    -- In this order, so that the few that are used again are looked up by the many messages.
    FROM again
    RIGHT JOIN message
        ON again.topic = message.topic AND again.incarnation = message.incarnation
        AND again.tenant_id = message.tenant_id AND again.thread_id = message.thread_id
        AND again.request_id = message.request_id
        AND (from_time IS NULL OR placed_at >= from_time)
        AND (next_time IS NULL OR placed_at < next_time OR placed_at IS NULL)
),
spaced AS (
    SELECT *, CASE WHEN kind = 'CHUNK' AND kind_before = 'CHUNK' AND request_before = request_id
                        AND (run_before IS NOT DISTINCT FROM run_key) AND at_before >= TIMESTAMP '1970-01-01T00:00:00Z'
                   THEN CAST(at AS BIGINT) - CAST(at_before AS BIGINT) END AS gap_us
    FROM (
        SELECT *, lag(kind) OVER in_thread AS kind_before, lag(request_id) OVER in_thread AS request_before,
               lag(run_key) OVER in_thread AS run_before, lag(at) OVER in_thread AS at_before
        FROM keyed
        WINDOW in_thread AS (PARTITION BY topic, incarnation, tenant_id, thread_id
                             ORDER BY run_key, request_id, CASE WHEN kind = 'CHUNK' THEN 0 ELSE 1 END, at)
    )
),
request AS (
    SELECT topic, incarnation, tenant_id, thread_id, request_id,
           max(node_id) AS node_id,
           coalesce(max(model) FILTER (WHERE kind = 'LLM_END'), max(model) FILTER (WHERE kind <> 'CHUNK'), max(model))
               AS model,
           bool_or(kind = 'LLM_END') AS has_end,
           bool_or(kind = 'LLM_ERROR') AS has_error,
           bool_or(is_final) AS has_final,
           max(finish_reason) AS finish_reason,
           min(at) AS first_time,
           min(at) FILTER (WHERE kind = 'LLM_START') AS start_time,
           min(at) FILTER (WHERE kind = 'CHUNK') AS first_token,
           max(at) FILTER (WHERE kind IN ('LLM_END', 'LLM_ERROR')) AS end_time,
           max(at) FILTER (WHERE is_final) AS final_time,
           max(duration_us) FILTER (WHERE kind = 'LLM_END') AS end_duration_us,
           max(duration_us) FILTER (WHERE kind = 'LLM_ERROR') AS error_duration_us,
           max(input_tokens) FILTER (WHERE kind = 'LLM_END') AS end_input_tokens,
           max(output_tokens) FILTER (WHERE kind = 'LLM_END') AS end_output_tokens,
           max(input_tokens) FILTER (WHERE kind = 'CHUNK') AS chunk_input_tokens,
           max(output_tokens) FILTER (WHERE kind = 'CHUNK') AS chunk_output_tokens,
           max(total_tokens) AS chunk_total_tokens,
           max(cost_usd) AS reported_cost_usd,
           count(*) FILTER (WHERE kind = 'CHUNK') AS chunks,
           max(chunk_index) + 1 - count(DISTINCT chunk_index) AS missing_chunks,
           max(gap_us) AS largest_gap_us,
           count(*) FILTER (WHERE kind = 'LLM_RETRY') AS retries,
           last_value(error ORDER BY at) FILTER (WHERE error IS NOT NULL) AS error
    FROM spaced
    GROUP BY topic, incarnation, tenant_id, thread_id, run_key, request_id, lone
),
counted AS (
    SELECT *,
           CASE WHEN has_end THEN 'completed'
                WHEN has_error OR finish_reason = 'ERROR' THEN 'failed'
                WHEN has_final THEN 'completed'
                ELSE 'streaming' END AS status,
           coalesce(start_time, first_time) AS started,
           coalesce(end_time, final_time) AS ended,
           coalesce(end_input_tokens, chunk_input_tokens) AS input_tokens,
           coalesce(end_output_tokens, chunk_output_tokens) AS output_tokens
    FROM request
),
timed AS (
    SELECT *, coalesce(end_duration_us, error_duration_us,
                       CASE WHEN started >= TIMESTAMP '1970-01-01T00:00:00Z' AND ended >= started
                            THEN CAST(ended AS BIGINT) - CAST(started AS BIGINT) END) AS duration_us
    FROM counted
)
SELECT topic, incarnation, tenant_id, thread_id, request_id, node_id, model, status, first_time, started, first_token, ended,
       started AS at,
       CASE WHEN start_time >= TIMESTAMP '1970-01-01T00:00:00Z' AND first_token >= start_time
            THEN CAST(first_token AS BIGINT) - CAST(start_time AS BIGINT) END AS time_to_first_token_us,
       duration_us, input_tokens, output_tokens,
       coalesce(CAST(input_tokens AS DECIMAL(38, 0)) + CAST(output_tokens AS DECIMAL(38, 0)),
                CAST(coalesce(chunk_total_tokens, input_tokens, output_tokens) AS DECIMAL(38, 0))) AS total_tokens,
       CASE WHEN coalesce(end_input_tokens, end_output_tokens) IS NOT NULL
            THEN CAST(coalesce(end_input_tokens, 0) AS DECIMAL(38, 0))
                + CAST(coalesce(end_output_tokens, 0) AS DECIMAL(38, 0))
            END AS llm_end_tokens,
       CASE WHEN coalesce(chunk_input_tokens, chunk_output_tokens) IS NOT NULL
            THEN CAST(coalesce(chunk_input_tokens, 0) AS DECIMAL(38, 0))
                + CAST(coalesce(chunk_output_tokens, 0) AS DECIMAL(38, 0))
            ELSE CAST(chunk_total_tokens AS DECIMAL(38, 0)) END AS chunk_tokens,
       CASE WHEN coalesce(end_input_tokens, end_output_tokens) IS NOT NULL THEN 'llm_end'
            WHEN coalesce(chunk_input_tokens, chunk_output_tokens, chunk_total_tokens) IS NOT NULL THEN 'token_chunks'
            END AS tokens_from,
       CASE WHEN duration_us > 0 THEN CAST(output_tokens AS DOUBLE) * 1e6 / duration_us END AS tokens_per_second,
       reported_cost_usd, chunks,
       CASE WHEN thread_id <> '' THEN coalesce(missing_chunks, 0) END AS missing_chunks,
       largest_gap_us, retries, finish_reason, error
FROM timed
