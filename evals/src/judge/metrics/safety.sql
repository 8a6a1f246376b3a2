-- safety: safety of answers as their judge scored it, in the mean of the evaluations
-- Unit: score
-- Better: higher
-- Statistic: mean
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
WITH scored AS (
    SELECT topic, incarnation, tenant_id, thread_id, coalesce(time, kafka_time) AS at, value
    FROM metrics
    WHERE NOT repeated AND scope = 'quality' AND name IN ('safety', 'quality_safety')
),
judged AS (
    SELECT run.run_id, run.graph_name, scored.tenant_id, scored.thread_id, scored.at, scored.value
    FROM scored
    LEFT JOIN run_spans AS run
        ON run.topic = scored.topic AND run.incarnation = scored.incarnation AND run.tenant_id = scored.tenant_id
        AND run.thread_id = scored.thread_id AND (run.from_time IS NULL OR run.from_time <= scored.at)
        AND (run.next_time IS NULL OR scored.at < run.next_time)
)
SELECT run_id, value
FROM judged
WHERE $filter
