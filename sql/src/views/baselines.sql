-- baselines: metrics of good runs that the store keeps, metric by metric.
-- Grain: one row per baseline and metric.
-- Key: name, metric.
-- Units: value in the unit of the metric; taken_at is UTC.
--
-- `quipu eval save` writes them. A metric of which runs were kept has their number in samples, and them in view
-- baseline_samples.
-- Columns:
--   name: the baseline
--   app_name: the application
--   version: its version
--   taken_at: when the metrics were taken; null if the file tells it in another form
--   metric: the metric
--   value: what it was; null if samples alone are known
--   samples: values that were kept
WITH baseline AS (
    SELECT name, document ->> 'app_name' AS app_name, document ->> 'version' AS version,
           TRY_CAST(document ->> 'date' AS TIMESTAMP WITH TIME ZONE) AS taken_at,
           -- As plain text: what is known to be JSON cannot be united with a text.
           concat(json_get_json(document, 'metrics')) AS metrics, concat(json_get_json(document, 'samples')) AS samples
    FROM system.evaluations
    WHERE kind = 'baseline'
),
told AS (
    SELECT name, app_name, version, taken_at, unnest(json_object_keys(metrics)) AS metric, metrics,
           CAST(NULL AS VARCHAR) AS samples
    FROM baseline
    UNION ALL
    SELECT name, app_name, version, taken_at, unnest(json_object_keys(samples)), CAST(NULL AS VARCHAR), samples
    FROM baseline
)
SELECT name, min(app_name) AS app_name, min(version) AS version, min(taken_at) AS taken_at, metric,
       max(json_get_float(metrics, metric)) AS value,
       coalesce(max(CAST(json_length(samples, metric) AS BIGINT)), 0) AS samples
FROM told
GROUP BY name, metric
