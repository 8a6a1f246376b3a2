-- reconcile: what different messages tell of the same run, side by side, and whether they agree.
-- Grain: one row per run.
-- Key: topic, incarnation, tenant_id, thread_id, run_number.
-- Units: durations in microseconds, the rest are counts.
--
-- Only what is told twice can differ: a null is no difference.
-- tokens: a request whose counts by LLM_END and by chunks are not the same; and where every request of the run has counts, a
-- trace that tells another total, or metrics that tell more: metrics tell of parts of a run, so less is no difference.
-- duration: what the end of the graph tells and what the trace tells are more than 100 ms and 5 % apart. span_us is not
-- compared: it is measured between messages, and holds also what runs wait for to send them.
-- nodes: the trace has fewer than ended, or more than ended and branches of parallel sections together, which traces tell
-- as one, each, or not at all.
-- outcome: the trace is completed and the run failed, or the other way round.
-- errors: events tell of errors, and the trace of none.
-- Columns:
--   topic, incarnation, tenant_id, thread_id, run_id
--   run_number: number of the run in its thread, from 1
--   graph_name
--   differs: what disagrees: tokens, duration, nodes, outcome, errors; null if nothing does
--   requests: requests to models
--   uncounted: requests without counts
--   unequal: requests whose counts by LLM_END and by chunks are not the same
--   request_tokens: tokens of the requests of the run: by LLM_END, else by chunks
--   llm_end_tokens: tokens of the requests of the run by LLM_END
--   chunk_tokens: tokens of the requests of the run by chunks
--   trace_tokens: tokens by the execution trace
--   metric_tokens: tokens by metrics: those of the scope with the highest sum (see token_counts)
--   end_duration_us: as GRAPH_END or GRAPH_ERROR tells it
--   trace_duration_us: as the execution trace tells it, which counts milliseconds
--   span_us: from the first event of the graph to its end
--   nodes_ended: NODE_END and NODE_ERROR events
--   branches: branches of ended parallel sections
--   trace_nodes: nodes of the execution trace
--   failed: true if a GRAPH_ERROR came, or a NODE_ERROR last of all without an end; false if the graph ended; else null
--   trace_completed: whether the execution trace says that the run completed
--   error_events: *_ERROR events of the graph and its nodes
--   trace_errors: errors of the execution trace
WITH part AS (
    SELECT topic, incarnation, tenant_id, thread_id, run_number, max(run_id) AS run_id, max(graph_name) AS graph_name,
           max(duration_us) FILTER (WHERE role IN (3, 4)) AS end_duration_us,
           CASE WHEN min(at) >= TIMESTAMP '1970-01-01T00:00:00Z'
                THEN CAST(max(at) FILTER (WHERE role IN (3, 4)) AS BIGINT) - CAST(min(at) AS BIGINT) END AS span_us,
           count(*) FILTER (WHERE event_type IN ('NODE_END', 'NODE_ERROR')) AS nodes_ended,
           coalesce(sum(array_length(string_to_array(node_id, ','))) FILTER (WHERE event_type = 'PARALLEL_END'), 0)
               AS branches,
           CASE WHEN bool_or(role = 3) THEN true
                WHEN bool_or(role = 4) THEN false
                WHEN bool_or(ends_run AND event_type = 'NODE_ERROR') THEN true END AS failed,
           count(*) FILTER (WHERE event_type IN ('GRAPH_ERROR', 'NODE_ERROR')) AS error_events,
           CAST(NULL AS BIGINT) AS requests, CAST(NULL AS BIGINT) AS uncounted, CAST(NULL AS BIGINT) AS unequal,
           CAST(NULL AS DECIMAL(38, 0)) AS request_tokens,
           CAST(NULL AS DECIMAL(38, 0)) AS llm_end_tokens, CAST(NULL AS DECIMAL(38, 0)) AS chunk_tokens,
           CAST(NULL AS DECIMAL(38, 0)) AS trace_tokens, CAST(NULL AS DECIMAL(38, 0)) AS metric_tokens,
           CAST(NULL AS DECIMAL(38, 0)) AS trace_duration_us, CAST(NULL AS BIGINT) AS trace_nodes,
           CAST(NULL AS BOOLEAN) AS trace_completed, CAST(NULL AS BIGINT) AS trace_errors
    FROM graph_events
    WHERE run_number > 0
    GROUP BY topic, incarnation, tenant_id, thread_id, run_number
    -- By place, and not by name: filters by thread do not get through a union by name of groups.
    UNION ALL
    SELECT topic, incarnation, tenant_id, thread_id, run_number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           count(*) FILTER (WHERE home = 1), count(*) FILTER (WHERE home = 1 AND total_tokens IS NULL),
           count(*) FILTER (WHERE llm_end_tokens <> chunk_tokens),
           sum(total_tokens) FILTER (WHERE home = 1), sum(llm_end_tokens), sum(chunk_tokens),
           max(total_tokens) FILTER (WHERE home = 2), max(total_tokens) FILTER (WHERE home = 3),
           max(duration_us), max(nodes), bool_and(completed), max(errors)
    FROM token_counts
    WHERE run_number > 0
    GROUP BY topic, incarnation, tenant_id, thread_id, run_number
),
run AS (
    SELECT topic, incarnation, tenant_id, thread_id, run_number, max(run_id) AS run_id, max(graph_name) AS graph_name,
           coalesce(max(requests), 0) AS requests, coalesce(max(uncounted), 0) AS uncounted,
           coalesce(max(unequal), 0) AS unequal, max(request_tokens) AS request_tokens,
           max(llm_end_tokens) AS llm_end_tokens, max(chunk_tokens) AS chunk_tokens, max(trace_tokens) AS trace_tokens,
           max(metric_tokens) AS metric_tokens,
           max(end_duration_us) AS end_duration_us, max(trace_duration_us) AS trace_duration_us, max(span_us) AS span_us,
           max(nodes_ended) AS nodes_ended, max(branches) AS branches, max(trace_nodes) AS trace_nodes,
           bool_or(failed) AS failed, bool_and(trace_completed) AS trace_completed,
           max(error_events) AS error_events, max(trace_errors) AS trace_errors
    FROM part
    GROUP BY topic, incarnation, tenant_id, thread_id, run_number
),
compared AS (
    SELECT *,
           CAST(greatest(end_duration_us, trace_duration_us) AS DOUBLE) AS longest_us,
           CAST(least(end_duration_us, trace_duration_us) AS DOUBLE) AS shortest_us
    FROM run
)
SELECT topic, incarnation, tenant_id, thread_id, run_id, run_number, graph_name,
       nullif(concat_ws(', ',
           CASE WHEN unequal > 0 OR uncounted = 0 AND (trace_tokens <> request_tokens
                                                       OR metric_tokens > coalesce(request_tokens, trace_tokens))
                THEN 'tokens' END,
           CASE WHEN longest_us - shortest_us > 100000 AND longest_us > shortest_us * 1.05 THEN 'duration' END,
           CASE WHEN trace_nodes < nodes_ended OR trace_nodes > nodes_ended + branches THEN 'nodes' END,
           CASE WHEN failed = trace_completed THEN 'outcome' END,
           CASE WHEN error_events > 0 AND trace_errors = 0 THEN 'errors' END), '') AS differs,
       requests, uncounted, unequal, request_tokens, llm_end_tokens, chunk_tokens, trace_tokens, metric_tokens,
       end_duration_us, trace_duration_us, span_us, nodes_ended, branches, trace_nodes, failed, trace_completed, error_events,
       trace_errors
FROM compared
