-- runs: executions of graphs, from GRAPH_START to GRAPH_END or GRAPH_ERROR. Copies of messages are left out.
-- Grain: one row per run.
-- Key: topic, incarnation, tenant_id, thread_id, run_number; also run_id, the message_id of its GRAPH_START, or of the
--   first message of the graph if the start was lost. It is null if that message has no id.
-- Units: times are UTC, duration_us microseconds (told by the end of the run, else ended - started; null
--   before 1970); the rest are counts.
--   Messages up to the next run of the thread count, also those that come after the end.
--   tool_calls counts calls, not their stages; errors counts Error messages, failed stages and events of kind *_ERROR.
--   Token counts are taken from LLM_END events, or if there are none from final token chunks; tokens_from tells which. Counts
--   below 0 are none.
-- status: completed (GRAPH_END), failed (GRAPH_ERROR, or a NODE_ERROR came last of the graph: many emitters send nothing
--   after it), running, or abandoned: neither of them, and no message for 30 minutes of view store_time.
--   headless: its GRAPH_START was never seen.
-- Columns:
--   run_id, topic, incarnation, tenant_id, thread_id
--   run_number: number of the run in its thread, from 1
--   graph_name
--   status: completed, failed, running or abandoned
--   headless: whether its GRAPH_START was never seen
--   started: when it began
--   ended: when it ended or failed; null if it did not
--   duration_us: how long it took
--   last_time: its newest message
--   messages: messages in all
--   events: events
--   token_chunks: token chunks
--   tool_executions: stages of tools
--   state_diffs: state diffs
--   checkpoints: checkpoints
--   metrics: Metrics messages
--   execution_traces: execution traces
--   tool_calls: calls of tools
--   errors: Error messages, failed stages and *_ERROR events
--   input_tokens: tokens read; view tokens counts each request by itself
--   output_tokens: tokens written
--   tokens_from: llm_end or token_chunks
SELECT run_id, topic, incarnation, tenant_id, thread_id,
       CAST(run_number AS BIGINT UNSIGNED) AS run_number, graph_name,
       CASE WHEN has_failure OR has_stopped THEN 'failed'
            WHEN has_end THEN 'completed'
            WHEN last_arrived < store_time - INTERVAL '30 minutes' THEN 'abandoned'
            ELSE 'running' END AS status,
       NOT has_start AS headless,
       started, ended,
       coalesce(duration_us, CASE WHEN started >= TIMESTAMP '1970-01-01T00:00:00Z'
                                  THEN CAST(ended AS BIGINT) - CAST(started AS BIGINT) END) AS duration_us,
       last_time, messages, events, token_chunks, tool_executions, state_diffs, checkpoints, metrics, execution_traces,
       tool_calls, errors,
       coalesce(llm_end_input_tokens, chunk_input_tokens) AS input_tokens,
       coalesce(llm_end_output_tokens, chunk_output_tokens) AS output_tokens,
       CASE WHEN coalesce(llm_end_input_tokens, llm_end_output_tokens) IS NOT NULL THEN 'llm_end'
            WHEN coalesce(chunk_input_tokens, chunk_output_tokens) IS NOT NULL THEN 'token_chunks' END AS tokens_from
-- In this order: for each row of the left side a batch is made.
FROM store_time CROSS JOIN run_parts
WHERE is_run
