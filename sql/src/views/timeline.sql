-- timeline: what happened in a thread, message by message. Ask for one thread: WHERE thread_id = '...' ORDER BY place.
-- Grain: one row per message, and per event of a batch; copies and envelopes of batches are left out.
-- Key: topic, incarnation, partition, offset, item, kind.
-- Units: times are UTC; since_start_us microseconds.
--
-- place is the order by time, sequence, partition and offset, in which runs are cut too; of one time and sequence a start comes
-- first and an end last. For the order of sending use sequence, for that of arrival partition, offset, item.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   place: number of the message in its thread, from 1
--   at: time at which the message counts: the producer's, else Kafka's
--   since_start_us: time since the first message of the thread; null before 1970
--   kind: event, token_chunk, tool_execution, state_diff, checkpoint, metrics, error or execution_trace
--   what: what happened: the type of an event, the stage of a tool, the severity of an error
--   node_id: the node, if told
--   subject: the tool, model, metric or code that it is about
--   detail: a text that tells more, at most 200 characters
--   duration_us: how long it took, as the message tells it
--   sequence, partition, offset, item
WITH message AS (
    SELECT 'event' AS kind, topic, incarnation, partition, "offset", item, tenant_id, thread_id,
           coalesce(time, kafka_time) AS at, sequence,
           CASE WHEN event_type = 'GRAPH_START' THEN 0 WHEN event_type = 'GRAPH_END' THEN 4
                WHEN event_type = 'GRAPH_ERROR' AND coalesce(node_id, '') <> 'quality_monitor' THEN 3
                WHEN event_type IN ('NODE_START', 'NODE_END', 'NODE_ERROR', 'EDGE_TRAVERSAL', 'CONDITIONAL_BRANCH',
                                    'PARALLEL_START', 'PARALLEL_END') THEN 1
                ELSE 2 END AS role,
           CAST(event_type AS VARCHAR) AS what, node_id, coalesce(tool_name, model, graph_name) AS subject,
           -- The attributes of a start are whole graphs and states.
           left(coalesce(error, CASE WHEN event_type <> 'GRAPH_START' THEN attributes END), 200) AS detail, duration_us
    FROM events WHERE NOT repeated
    UNION ALL
    SELECT 'token_chunk', topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time),
           sequence, 2, CASE WHEN is_final THEN concat('FINAL ', finish_reason) ELSE concat('CHUNK ', chunk_index) END,
           NULL, coalesce(model, request_id), left(text, 200), NULL
    FROM token_chunks WHERE NOT repeated
    UNION ALL
    SELECT 'tool_execution', topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time),
           sequence, 2, CAST(stage AS VARCHAR), NULL, tool_name, left(coalesce(error, result, arguments), 200), duration_us
    FROM tool_executions WHERE NOT repeated
    UNION ALL
    SELECT 'state_diff', topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time),
           sequence, 2, CASE WHEN full_state IS NOT NULL OR full_state_bytes IS NOT NULL THEN 'FULL_STATE'
                             ELSE concat(operation_count, ' OPERATIONS') END,
           NULL, NULL, left(operations, 200), NULL
    FROM state_diffs WHERE NOT repeated
    UNION ALL
    SELECT 'checkpoint', topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time),
           sequence, 2, 'CHECKPOINT', NULL, state_type, left(metadata, 200), NULL
    FROM checkpoints WHERE NOT repeated
    UNION ALL
    SELECT 'metrics', topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time),
           sequence, 2, concat('METRICS ', scope), CASE WHEN scope = 'node' THEN scope_id END, coalesce(name, scope_id),
           left(concat_ws(' ', coalesce(value_text, CAST(value AS VARCHAR)), unit), 200), NULL
    FROM metrics WHERE NOT repeated AND item = 0
    UNION ALL
    SELECT 'error', topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time),
           sequence, 2, CAST(severity AS VARCHAR), context ->> 'node_id', error_code, left(message, 200), NULL
    FROM errors WHERE NOT repeated
    UNION ALL
    SELECT 'execution_trace', topic, incarnation, partition, "offset", item, tenant_id, thread_id, coalesce(time, kafka_time),
           sequence, 2, CASE WHEN completed THEN 'COMPLETED' ELSE 'INCOMPLETE' END, NULL, execution_id, left(errors, 200),
           TRY_CAST(CAST(total_duration_ms AS DECIMAL(38, 0)) * 1000 AS BIGINT)
    FROM execution_traces WHERE NOT repeated
)
SELECT topic, incarnation, tenant_id, thread_id,
       row_number() OVER (PARTITION BY topic, incarnation, tenant_id, thread_id
                          ORDER BY at, sequence, role, partition, "offset", item) AS place,
       at,
       CASE WHEN min(at) OVER thread >= TIMESTAMP '1970-01-01T00:00:00Z'
            THEN CAST(at AS BIGINT) - CAST(min(at) OVER thread AS BIGINT) END AS since_start_us,
       kind, what, node_id, subject, detail, duration_us, sequence, partition, "offset", item
FROM message
WINDOW thread AS (PARTITION BY topic, incarnation, tenant_id, thread_id)
