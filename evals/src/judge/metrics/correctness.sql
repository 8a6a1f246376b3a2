-- correctness: accuracy of answers as their judge scored it, in the mean of the evaluations
-- Unit: score
-- Better: higher
-- Statistic: mean
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
WITH judged AS (
    SELECT run.run_id, run.graph_name, quality.tenant_id, quality.thread_id, quality.at, quality.accuracy AS value
    FROM quality
    LEFT JOIN run_spans AS run
        ON run.topic = quality.topic AND run.incarnation = quality.incarnation AND run.tenant_id = quality.tenant_id
        AND run.thread_id = quality.thread_id AND (run.from_time IS NULL OR run.from_time <= quality.at)
        AND (run.next_time IS NULL OR quality.at < run.next_time)
    WHERE quality.kind <> 'alert'
)
SELECT run_id, value
FROM judged
WHERE $filter
