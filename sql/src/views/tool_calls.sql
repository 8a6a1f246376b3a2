-- tool_calls: calls of tools, put together from the stages that ToolExecution messages tell, and from TOOL_* events.
-- Grain: one row per call.
-- Key: topic, incarnation, tenant_id, thread_id, run_number, call_id, if there is one.
-- Units: times are UTC, duration_us microseconds, the rest are counts.
--
-- Stages of one call_id are one call. If a thread has two REQUESTED, STARTED, COMPLETED or TOOL_START of one call_id, it is
-- a call of its own in each run. A call belongs to the run of its first message.
-- Without a call_id each COMPLETED or FAILED is a call of its own, and other stages are left out: they hide no events.
-- In a thread with other ToolExecution messages, TOOL_* events add no call: they are matched to the calls, by their
-- attribute call_id, else an end to the newest call of the tool begun before it, and tell the node, and the outcome where
-- the stages do not. In a thread without such messages the events are the calls: a TOOL_START and the TOOL_END or
-- TOOL_ERROR of its call_id, or where ends name none, of the same tool, matched as brackets are.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1; null outside of runs
--   graph_name
--   call_id: the call, as the producer names it; null if it does not
--   tool_name: the tool
--   node_id: the node that called; known from events only
--   source: tool_executions or events: which of the two the call was taken from
--   outcome: completed, failed, or running: no end was seen, or a retry began after the failure
--   stages: the stages seen, each once, in alphabetical order; of calls from events START, END and ERROR
--   attempts: how often it was tried: one more than its retries
--   failed_attempts: stages FAILED, or TOOL_ERROR events
--   started: its first message
--   ended: when it completed or failed; null if it runs or no message tells
--   at: started, for filters by time
--   duration_us: as its end tells it, else ended - started
--   error: why it failed, also if it completed later
--   error_code: code of that error

-- run_id, run_number and graph_name are added to these rows, by first_time: see sql/src/runs.
WITH stage AS (
    SELECT topic, incarnation, tenant_id, thread_id, call_id,
           CASE WHEN call_id IS NULL THEN concat(partition, '/', "offset", '/', item) END AS lone,
           CAST(stage AS VARCHAR) AS stage, coalesce(time, kafka_time) AS at, tool_name, duration_us, retry_count, error,
           error_code, CAST(NULL AS VARCHAR) AS node_id
    FROM tool_executions
    WHERE NOT repeated AND (call_id IS NOT NULL OR stage IN ('COMPLETED', 'FAILED'))
),
event AS (
    SELECT topic, incarnation, tenant_id, thread_id, partition, "offset", item, sequence, coalesce(time, kafka_time) AS at,
           CAST(event_type AS VARCHAR) AS event_type, node_id, tool_name, duration_us, error,
           nullif(attributes ->> 'call_id', '') AS call_id
    FROM events
    WHERE NOT repeated AND event_type IN ('TOOL_START', 'TOOL_END', 'TOOL_ERROR')
),
used_again AS (
    SELECT topic, incarnation, tenant_id, thread_id, call_id
    FROM tool_executions
    WHERE NOT repeated AND call_id IS NOT NULL
    GROUP BY topic, incarnation, tenant_id, thread_id, call_id
    HAVING count(*) FILTER (WHERE stage = 'REQUESTED') > 1 OR count(*) FILTER (WHERE stage = 'STARTED') > 1
        OR count(*) FILTER (WHERE stage = 'COMPLETED') > 1
),
again AS (
    -- Mostly none, so that stages need not be placed in runs one by one: calls are, which are fewer.
    SELECT used.topic, used.incarnation, used.tenant_id, used.thread_id, used.call_id, run_number, from_time, next_time
    FROM used_again AS used
    JOIN run_spans AS span
        ON span.topic = used.topic AND span.incarnation = used.incarnation
        AND span.tenant_id = used.tenant_id AND span.thread_id = used.thread_id
),
known AS (
    SELECT topic, incarnation, tenant_id, thread_id, call_id,
           -- Without a time it is before all.
           CASE WHEN count(at) = count(*) THEN min(at) END AS first_time,
           max(tool_name) AS tool_name, max(node_id) AS node_id,
           bool_or(stage NOT LIKE 'TOOL_%') AS is_told,
           min(at) FILTER (WHERE stage NOT LIKE 'TOOL_%') AS started,
           max(at) FILTER (WHERE stage = 'COMPLETED') AS completed_at,
           max(at) FILTER (WHERE stage = 'FAILED') AS failed_at,
           max(at) FILTER (WHERE stage IN ('STARTED', 'RETRYING')) AS tried_at,
           max(at) FILTER (WHERE stage = 'TOOL_END') AS end_at,
           max(at) FILTER (WHERE stage = 'TOOL_ERROR') AS error_at,
           bool_or(stage = 'UNSPECIFIED') AS has_unspecified, bool_or(stage = 'REQUESTED') AS has_requested,
           bool_or(stage = 'STARTED') AS has_started, bool_or(stage = 'RETRYING') AS has_retrying,
           max(duration_us) FILTER (WHERE stage = 'COMPLETED') AS completed_us,
           max(duration_us) FILTER (WHERE stage = 'FAILED') AS failed_us,
           max(duration_us) FILTER (WHERE stage LIKE 'TOOL_%') AS event_us,
           1 + greatest(coalesce(max(retry_count), 0), count(*) FILTER (WHERE stage = 'RETRYING')) AS attempts,
           count(*) FILTER (WHERE stage = 'FAILED') AS failed_attempts,
           last_value(error ORDER BY at) FILTER (WHERE error IS NOT NULL) AS error,
           last_value(error_code ORDER BY at) FILTER (WHERE error_code IS NOT NULL) AS error_code
    FROM (
        SELECT told.*, again.run_number AS run_key
        -- In this order, so that the few that are used again are looked up by the many stages.
        FROM again
        RIGHT JOIN (
            SELECT * FROM stage
            UNION ALL
            SELECT topic, incarnation, tenant_id, thread_id, call_id, CAST(NULL AS VARCHAR), event_type, at, tool_name,
                   duration_us, CAST(NULL AS BIGINT), CASE WHEN event_type = 'TOOL_ERROR' THEN error END,
                   CAST(NULL AS VARCHAR), node_id
            FROM event
            WHERE call_id IS NOT NULL
        ) AS told
            ON again.topic = told.topic AND again.incarnation = told.incarnation
            AND again.tenant_id = told.tenant_id AND again.thread_id = told.thread_id
            AND again.call_id = told.call_id
            AND (from_time IS NULL OR at >= from_time) AND (next_time IS NULL OR at < next_time OR at IS NULL)
    )
    GROUP BY topic, incarnation, tenant_id, thread_id, call_id, run_key, lone
),
beside AS (
    -- Ends without a call_id lie between the call that they end and the next one of the tool. Counted through the thread,
    -- as many small windows are slow.
    SELECT *,
           sum(is_end) OVER so_far AS ends_before, sum(is_error) OVER so_far AS errors_before,
           sum(is_end) OVER to_next_tool AS ends, sum(is_error) OVER to_next_tool AS errors,
           lead(beside_node) OVER in_order AS next_node, lead(beside_at) OVER in_order AS next_at,
           lead(beside_us) OVER in_order AS next_us, lead(beside_error) OVER in_order AS next_error
    FROM (
        SELECT *, started AS beside_time, 0 AS place, 0 AS is_end, 0 AS is_error FROM known WHERE is_told
        UNION ALL BY NAME
        SELECT topic, incarnation, tenant_id, thread_id, tool_name, at AS beside_time, node_id AS beside_node,
               at AS beside_at, duration_us AS beside_us, error AS beside_error, 1 AS place,
               CASE WHEN event_type = 'TOOL_END' THEN 1 ELSE 0 END AS is_end,
               CASE WHEN event_type = 'TOOL_ERROR' THEN 1 ELSE 0 END AS is_error
        FROM event
        WHERE call_id IS NULL AND event_type <> 'TOOL_START'
    )
    WINDOW in_order AS (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY tool_name, beside_time, place),
           so_far AS (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY tool_name, beside_time, place
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
           -- Through all rows of the same tool.
           to_next_tool AS (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY tool_name
                            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
matched AS (
    SELECT *, CASE WHEN next_place IS NOT NULL AND next_tool IS NOT DISTINCT FROM tool_name THEN next_ends ELSE ends END
                  - ends_before AS own_ends,
           CASE WHEN next_place IS NOT NULL AND next_tool IS NOT DISTINCT FROM tool_name THEN next_errors ELSE errors END
               - errors_before AS own_errors
    FROM (
        SELECT *, lead(place) OVER in_order AS next_place, lead(tool_name) OVER in_order AS next_tool,
               lead(ends_before) OVER in_order AS next_ends, lead(errors_before) OVER in_order AS next_errors
        FROM beside
        WHERE place = 0
        WINDOW in_order AS (PARTITION BY topic, incarnation, tenant_id, thread_id ORDER BY tool_name, beside_time, place)
    )
),
told AS (
    SELECT topic, incarnation, tenant_id, thread_id, first_time, call_id, tool_name, 'tool_executions' AS source,
           CASE WHEN own_ends + own_errors > 0 THEN coalesce(node_id, next_node) ELSE node_id END AS node_id,
           CASE WHEN completed_at IS NOT NULL THEN 'completed'
                WHEN failed_at IS NOT NULL AND (tried_at IS NULL OR tried_at <= failed_at) THEN 'failed'
                -- The last stage is lost: what the events tell counts.
                WHEN end_at IS NOT NULL OR own_ends > 0 THEN 'completed'
                WHEN failed_at IS NULL AND (error_at IS NOT NULL OR own_errors > 0) THEN 'failed'
                ELSE 'running' END AS outcome,
           concat_ws(' ', CASE WHEN completed_at IS NOT NULL THEN 'COMPLETED' END,
                     CASE WHEN failed_at IS NOT NULL THEN 'FAILED' END, CASE WHEN has_requested THEN 'REQUESTED' END,
                     CASE WHEN has_retrying THEN 'RETRYING' END, CASE WHEN has_started THEN 'STARTED' END,
                     CASE WHEN has_unspecified THEN 'UNSPECIFIED' END) AS stages,
           attempts, failed_attempts, started,
           coalesce(completed_at, end_at, CASE WHEN own_ends > 0 AND own_errors = 0 THEN next_at END) AS success_at,
           coalesce(failed_at, error_at, CASE WHEN own_errors > 0 THEN next_at END) AS failure_at,
           coalesce(completed_us, CASE WHEN end_at IS NOT NULL THEN event_us END,
                    CASE WHEN own_ends > 0 AND own_errors = 0 THEN next_us END) AS success_us,
           coalesce(failed_us, CASE WHEN error_at IS NOT NULL THEN event_us END,
                    CASE WHEN own_errors > 0 THEN next_us END) AS failure_us,
           coalesce(error, CASE WHEN own_errors > 0 THEN next_error END) AS error, error_code
    FROM matched
),
alone AS (
    -- Events of threads without ToolExecution messages that tell calls.
    SELECT event.*,
           count(*) FILTER (WHERE event_type = 'TOOL_START') OVER (
               PARTITION BY event.topic, event.incarnation, event.tenant_id, event.thread_id, event.call_id) > 1 AS is_again,
           CASE WHEN bool_or(call_id IS NOT NULL AND event_type <> 'TOOL_START') OVER (
                    PARTITION BY event.topic, event.incarnation, event.tenant_id, event.thread_id, event.tool_name)
                THEN call_id END AS link,
           CASE WHEN event_type = 'TOOL_START' THEN 1 ELSE -1 END AS step
    FROM event
    LEFT ANTI JOIN stage
        ON stage.topic = event.topic AND stage.incarnation = event.incarnation
        AND stage.tenant_id = event.tenant_id AND stage.thread_id = event.thread_id
),
nested AS (
    SELECT *, sum(step) OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY tool_name, link, at, sequence, partition, "offset", item
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) + CASE WHEN step = 1 THEN 0 ELSE 1 END AS level
    FROM alone
),
paired AS (
    -- Within a level starts and ends take turns, so that a start and the end after it have the same number.
    SELECT *, sum(CASE WHEN step = 1 THEN 1 ELSE 0 END) OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY tool_name, link, level, at, sequence, partition, "offset", item
               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
           ) AS pair
    FROM nested
),
keyed AS (
    SELECT paired.*, span.run_number AS run_key
    FROM paired
    LEFT JOIN run_spans AS span
        ON is_again
        AND span.topic = paired.topic AND span.incarnation = paired.incarnation
        AND span.tenant_id = paired.tenant_id AND span.thread_id = paired.thread_id
        AND (from_time IS NULL OR at >= from_time) AND (next_time IS NULL OR at < next_time OR at IS NULL)
),
evented AS (
    SELECT topic, incarnation, tenant_id, thread_id,
           CASE WHEN count(at) = count(*) THEN min(at) END AS first_time, max(call_id) AS call_id, tool_name, 'events' AS source,
           max(node_id) AS node_id,
           CASE WHEN bool_or(event_type = 'TOOL_END') THEN 'completed'
                WHEN bool_or(event_type = 'TOOL_ERROR') THEN 'failed'
                ELSE 'running' END AS outcome,
           concat_ws(' ', CASE WHEN bool_or(event_type = 'TOOL_END') THEN 'END' END,
                     CASE WHEN bool_or(event_type = 'TOOL_ERROR') THEN 'ERROR' END,
                     CASE WHEN bool_or(event_type = 'TOOL_START') THEN 'START' END) AS stages,
           greatest(1, count(*) FILTER (WHERE event_type <> 'TOOL_START')) AS attempts,
           count(*) FILTER (WHERE event_type = 'TOOL_ERROR') AS failed_attempts,
           min(at) AS started,
           max(at) FILTER (WHERE event_type = 'TOOL_END') AS success_at,
           max(at) FILTER (WHERE event_type = 'TOOL_ERROR') AS failure_at,
           max(duration_us) FILTER (WHERE event_type = 'TOOL_END') AS success_us,
           max(duration_us) FILTER (WHERE event_type = 'TOOL_ERROR') AS failure_us,
           last_value(error ORDER BY at) FILTER (WHERE event_type = 'TOOL_ERROR' AND error IS NOT NULL) AS error,
           CAST(NULL AS VARCHAR) AS error_code
    FROM keyed
    GROUP BY topic, incarnation, tenant_id, thread_id, tool_name, link, CASE WHEN link IS NOT NULL THEN run_key END,
             CASE WHEN link IS NULL THEN level END, CASE WHEN link IS NULL THEN pair END
),
call AS (
    SELECT *,
           CASE outcome WHEN 'completed' THEN success_at WHEN 'failed' THEN failure_at END AS ended,
           CASE outcome WHEN 'completed' THEN success_us WHEN 'failed' THEN failure_us END AS told_us
    FROM (
        SELECT * FROM told
        UNION ALL BY NAME
        SELECT * FROM evented
    )
)
SELECT topic, incarnation, tenant_id, thread_id, first_time, call_id, tool_name, node_id, source, outcome, stages, attempts,
       failed_attempts, started, ended, started AS at,
       coalesce(told_us, CASE WHEN started >= TIMESTAMP '1970-01-01T00:00:00Z' AND ended >= started
                              THEN CAST(ended AS BIGINT) - CAST(started AS BIGINT) END) AS duration_us,
       error, error_code
FROM call
