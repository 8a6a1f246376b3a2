-- run_parts: the messages of each thread cut into parts at the starts of its runs, and counted. Base of runs and sessions.
-- Grain: one row per part of a thread: a run, or the messages before its first run.
-- Key: topic, incarnation, tenant_id, thread_id, part.
-- Units: times are UTC; duration_us in microseconds, as the end of the run tells it; the rest are counts of messages.
--
-- Messages are ordered by the producer's time, which both kinds of counter share. A part begins at a GRAPH_START, and
-- at a message of the graph that follows an end without a GRAPH_START between: that start was lost.
-- Messages without a thread id lie together under the empty one, in which there are no runs.
-- A run whose last message of the graph is a NODE_ERROR, without an end or a failure, has stopped: many emitters send
-- nothing after the error of a node. When more of the graph follows, it has not.
-- graph_name is the first that any message of the graph tells in the run.
-- role: 0 start, 1 another message of the graph, 2 anything else, 3 failure, 4 end.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   part: number of the part in its thread; 0 before the first run that has a start
--   is_run: whether the part is a run
--   has_start: whether a GRAPH_START was seen
--   has_failure: whether a GRAPH_ERROR was seen
--   has_end: whether a GRAPH_END was seen
--   has_stopped: whether a NODE_ERROR came last, without an end or a failure
--   run_id, graph_name
--   started: first message of the graph
--   ended: newest end or failure; the NODE_ERROR of a run that has stopped
--   duration_us: as the end tells it
--   first_time: first message
--   last_time: newest message
--   last_arrived: newest arrival in Kafka
--   messages: messages in all
--   numbered: messages with a number
--   events: events
--   token_chunks: token chunks
--   tool_executions: stages of tools
--   state_diffs: state diffs
--   checkpoints: checkpoints
--   metrics: Metrics messages
--   error_messages: Error messages
--   execution_traces: execution traces
--   tool_calls: calls of tools by their call_id
--   errors: Error messages, failed stages and *_ERROR events
--   llm_end_input_tokens: tokens read, by LLM_END
--   llm_end_output_tokens: tokens written, by LLM_END
--   chunk_input_tokens: tokens read, by final chunks
--   chunk_output_tokens: tokens written, by final chunks
WITH message AS (
    SELECT 1 AS kind,
           CASE WHEN event_type = 'GRAPH_START' THEN 0
                WHEN event_type = 'GRAPH_END' THEN 4
                -- A quality alert is no end.
                WHEN event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') <> 'quality_monitor' THEN 3
                WHEN event_type IN ('NODE_START', 'NODE_END', 'NODE_ERROR', 'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH',
                                    'PARALLEL_START', 'PARALLEL_END') THEN 1
                ELSE 2 END AS role,
           topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time) AS at, kafka_time, sequence, partition,
           "offset", item, message_id, graph_name, duration_us, event_type = 'NODE_ERROR' AS is_node_error,
           CASE WHEN event_type = 'LLM_END' AND input_tokens >= 0 THEN input_tokens END AS input_tokens,
           CASE WHEN event_type = 'LLM_END' AND output_tokens >= 0 THEN output_tokens END AS output_tokens,
           event_type IN ('NODE_ERROR', 'LLM_ERROR', 'TOOL_ERROR')
               OR event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') <> 'quality_monitor' AS is_error,
           CAST(NULL AS VARCHAR) AS call_id
    FROM events WHERE NOT repeated
    UNION ALL
    SELECT 2, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
           "offset", item, message_id, NULL, NULL, false,
           -- Where only the total is told, the two are 0.
           CASE WHEN is_final AND NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0) THEN prompt_tokens END,
           CASE WHEN is_final AND NOT (prompt_tokens = 0 AND completion_tokens = 0 AND total_tokens > 0)
                THEN completion_tokens END, false, NULL
    FROM token_chunks WHERE NOT repeated
    UNION ALL
    SELECT 3, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
           "offset", item, message_id, NULL, NULL, false, NULL, NULL, stage = 'FAILED', call_id
    FROM tool_executions WHERE NOT repeated
    UNION ALL
    SELECT 4, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
           "offset", item, message_id, NULL, NULL, false, NULL, NULL, false, NULL
    FROM state_diffs WHERE NOT repeated
    UNION ALL
    SELECT 5, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
           "offset", item, message_id, NULL, NULL, false, NULL, NULL, false, NULL
    FROM checkpoints WHERE NOT repeated
    UNION ALL
    SELECT 6, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
           "offset", item, message_id, NULL, NULL, false, NULL, NULL, false, NULL
    FROM metrics WHERE NOT repeated AND item = 0
    UNION ALL
    SELECT 7, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
           "offset", item, message_id, NULL, NULL, false, NULL, NULL, true, NULL
    FROM errors WHERE NOT repeated
    UNION ALL
    SELECT 8, 2, topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time), kafka_time, sequence, partition,
           "offset", item, message_id, NULL, NULL, false, NULL, NULL, false, NULL
    FROM execution_traces WHERE NOT repeated
),
marked AS (
    SELECT *, last_value(CASE WHEN role <> 2 THEN role END) IGNORE NULLS OVER (
               PARTITION BY topic, incarnation, tenant_id, thread_id
               ORDER BY at, sequence, role, partition, "offset", item
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS role_before
    FROM message
),
parted AS (
    SELECT *, sum(CASE WHEN role = 0 THEN 1
                       -- An end right after a failure is the end of the same run.
                       WHEN role IN (1, 3) AND role_before IN (3, 4) OR role = 4 AND role_before = 4 THEN 1
                       ELSE 0 END) OVER so_far AS part,
           sum(CASE WHEN role <> 2 THEN 1 ELSE 0 END) OVER so_far AS place
    FROM marked
    WINDOW so_far AS (PARTITION BY topic, incarnation, tenant_id, thread_id
                      ORDER BY at, sequence, role, partition, "offset", item
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
counted AS (
    SELECT topic, incarnation, tenant_id, thread_id, part,
           thread_id <> '' AND bool_or(role <> 2) AS is_run,
           bool_or(role = 0) AS has_start,
           bool_or(role = 3) AS has_failure,
           bool_or(role = 4) AS has_end,
           coalesce(max(place) FILTER (WHERE is_node_error) = max(place), false) AS is_error_last,
           -- That of the message that begins the part; an end right after a failure does not.
           max(message_id) FILTER (WHERE role = 0 OR role <> 2 AND role_before IS NULL OR role IN (1, 3) AND role_before IN (3, 4)
                                   OR role = 4 AND role_before = 4) AS run_id,
           first_value(graph_name ORDER BY at, sequence, role, partition, "offset", item)
               FILTER (WHERE graph_name IS NOT NULL AND role <> 2) AS graph_name,
           min(at) FILTER (WHERE role <> 2) AS started,
           max(at) FILTER (WHERE role IN (3, 4)) AS ended,
           max(at) FILTER (WHERE is_node_error) AS node_error_at,
           max(duration_us) FILTER (WHERE role IN (3, 4)) AS duration_us,
           min(at) AS first_time,
           max(at) AS last_time,
           max(coalesce(kafka_time, at)) AS last_arrived,
           count(*) AS messages,
           count(*) FILTER (WHERE sequence > 0) AS numbered,
           count(*) FILTER (WHERE kind = 1) AS events,
           count(*) FILTER (WHERE kind = 2) AS token_chunks,
           count(*) FILTER (WHERE kind = 3) AS tool_executions,
           count(*) FILTER (WHERE kind = 4) AS state_diffs,
           count(*) FILTER (WHERE kind = 5) AS checkpoints,
           count(*) FILTER (WHERE kind = 6) AS metrics,
           count(*) FILTER (WHERE kind = 7) AS error_messages,
           count(*) FILTER (WHERE kind = 8) AS execution_traces,
           count(DISTINCT call_id) AS tool_calls,
           count(*) FILTER (WHERE is_error) AS errors,
           sum(CAST(input_tokens AS DECIMAL(38, 0))) FILTER (WHERE kind = 1) AS llm_end_input_tokens,
           sum(CAST(output_tokens AS DECIMAL(38, 0))) FILTER (WHERE kind = 1) AS llm_end_output_tokens,
           sum(CAST(input_tokens AS DECIMAL(38, 0))) FILTER (WHERE kind = 2) AS chunk_input_tokens,
           sum(CAST(output_tokens AS DECIMAL(38, 0))) FILTER (WHERE kind = 2) AS chunk_output_tokens
    FROM parted
    GROUP BY topic, incarnation, tenant_id, thread_id, part
)
SELECT topic, incarnation, tenant_id, thread_id, part, is_run, has_start, has_failure, has_end,
       is_run AND is_error_last AND NOT has_failure AND NOT has_end AS has_stopped,
       run_id, graph_name, started,
       coalesce(ended, CASE WHEN is_run AND is_error_last THEN node_error_at END) AS ended,
       duration_us, first_time, last_time, last_arrived, messages, numbered, events, token_chunks, tool_executions, state_diffs,
       checkpoints, metrics, error_messages, execution_traces, tool_calls, errors, llm_end_input_tokens,
       llm_end_output_tokens, chunk_input_tokens, chunk_output_tokens
FROM counted
