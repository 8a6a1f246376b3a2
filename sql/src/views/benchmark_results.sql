-- benchmark_results: single runs of commands that were measured.
-- Grain: one row per benchmark, run and value of a metric. A run that failed measured nothing and has no row.
-- Key: none: a run may give several values of a metric.
-- Units: value in milliseconds, where the metric does not say otherwise; started_at is UTC.
--
-- `quipu bench run --keep` writes them. Statistics are aggregates: select metric, mean_interval(value) from
-- benchmark_results where name = 'x' group by metric.
-- Columns:
--   name: the benchmark
--   started_at: when its first run began
--   run: number of the run, from 1
--   metric: what was measured
--   value: the value
WITH run AS (
    SELECT name, TRY_CAST(document ->> 'started_at' AS TIMESTAMP WITH TIME ZONE) AS started_at,
           unnest(json_get_array(document, 'samples')) AS told
    FROM system.evaluations
    WHERE kind = 'benchmark'
),
metric AS (
    SELECT name, started_at, run, unnest(json_object_keys(metrics)) AS metric, metrics
    FROM (
        SELECT name, started_at, json_get_int(told, 'number') AS run, json_get_json(told, 'metrics') AS metrics
        FROM run
    )
)
SELECT name, started_at, run, metric, TRY_CAST(value AS DOUBLE) AS value
FROM (SELECT name, started_at, run, metric, unnest(json_get_array(metrics, metric)) AS value FROM metric)
