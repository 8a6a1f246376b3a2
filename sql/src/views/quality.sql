-- quality: evaluations of answers, and alerts about them.
-- Grain: one row per evaluation (a Metrics message of scope quality) and per alert.
-- Key: topic, incarnation, partition, offset, item, kind.
-- Units: times are UTC, latency_ms milliseconds; scores and threshold from 0 to 1; the rest are counts.
--
-- Both families of names are read: accuracy, relevance, completeness, quality_score, passed; and those of the monitor:
-- quality_accuracy, quality_relevance, quality_completeness, quality_average, quality_issues_count.
-- An alert is a GRAPH_ERROR of node quality_monitor: it is no failure of the graph.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   kind: evaluation, monitor (an evaluation with the names of the monitor) or alert
--   scope_id: what was evaluated, as the producer names it; null for alerts
--   at: when
--   accuracy: score
--   relevance: score
--   completeness: score
--   quality_score: mean score; of messages without one the mean of accuracy, relevance and completeness, if all are there
--   passed: whether the evaluator let it pass; of alerts false; null if not told
--   threshold: of alerts: the bound that quality_score is below
--   issues: issues, joined by ", ": of evaluations the tags that are true among tool_results_ignored, incomplete_coverage,
--     low_accuracy, low_relevance and low_completeness
--   issue_count: how many issues
--   model: tag model
--   category: tag category, else query_category, else complexity
--   latency_ms: entry latency_ms
--   retry_count: entry retry_count
--   turn_number: entry turn_number
--   sequence, partition, offset, item
WITH evaluation AS (
    SELECT topic, incarnation, tenant_id, thread_id, partition, "offset", min(sequence) AS sequence,
           min(coalesce(time, kafka_time)) AS at, max(scope_id) AS scope_id,
           bool_or(name LIKE 'quality_%' AND name <> 'quality_score') AS is_monitor,
           max(value) FILTER (WHERE name IN ('accuracy', 'quality_accuracy')) AS accuracy,
           max(value) FILTER (WHERE name IN ('relevance', 'quality_relevance')) AS relevance,
           max(value) FILTER (WHERE name IN ('completeness', 'quality_completeness')) AS completeness,
           max(value) FILTER (WHERE name IN ('quality_score', 'quality_average')) AS quality_score,
           bool_or(value <> 0) FILTER (WHERE name = 'passed') AS passed,
           max(value) FILTER (WHERE name = 'quality_issues_count') AS issue_count,
           max(value) FILTER (WHERE name = 'latency_ms') AS latency_ms,
           max(value) FILTER (WHERE name = 'retry_count') AS retry_count,
           max(value) FILTER (WHERE name = 'turn_number') AS turn_number,
           max(tags) AS tags
    FROM metrics
    WHERE NOT repeated AND scope = 'quality'
    GROUP BY topic, incarnation, tenant_id, thread_id, partition, "offset"
)
SELECT topic, incarnation, tenant_id, thread_id, CASE WHEN is_monitor THEN 'monitor' ELSE 'evaluation' END AS kind, scope_id,
       at, accuracy, relevance, completeness,
       coalesce(quality_score, (accuracy + relevance + completeness) / 3) AS quality_score, passed,
       CAST(NULL AS DOUBLE) AS threshold,
       nullif(concat_ws(', ', CASE WHEN tags ->> 'tool_results_ignored' = 'true' THEN 'tool_results_ignored' END,
                 CASE WHEN tags ->> 'incomplete_coverage' = 'true' THEN 'incomplete_coverage' END,
                 CASE WHEN tags ->> 'low_accuracy' = 'true' THEN 'low_accuracy' END,
                 CASE WHEN tags ->> 'low_relevance' = 'true' THEN 'low_relevance' END,
                 CASE WHEN tags ->> 'low_completeness' = 'true' THEN 'low_completeness' END), '') AS issues,
       issue_count, tags ->> 'model' AS model,
       coalesce(tags ->> 'category', tags ->> 'query_category', tags ->> 'complexity') AS category,
       latency_ms, retry_count, turn_number, sequence, partition, "offset", 0 AS item
FROM evaluation
UNION ALL
SELECT topic, incarnation, tenant_id, thread_id, 'alert', NULL, coalesce(time, kafka_time), NULL, NULL, NULL,
       TRY_CAST(attributes ->> 'quality_score' AS DOUBLE), false, TRY_CAST(attributes ->> 'threshold' AS DOUBLE),
       nullif(attributes ->> 'issues', ''), NULL, NULL, NULL, NULL, NULL, NULL, sequence, partition, "offset", item
FROM events
WHERE NOT repeated AND event_type = 'GRAPH_ERROR' AND node_id = 'quality_monitor'
