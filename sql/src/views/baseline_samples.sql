-- baseline_samples: the values of runs that baselines of the store keep.
-- Grain: one row per value.
-- Key: none: values have no names.
-- Units: value in the unit of the metric.
-- Columns:
--   name: the baseline
--   app_name: the application
--   version: its version
--   metric: the metric
--   value: the value of a run
WITH baseline AS (
    SELECT name, document ->> 'app_name' AS app_name, document ->> 'version' AS version,
           json_get_json(document, 'samples') AS samples
    FROM system.evaluations
    WHERE kind = 'baseline'
),
metric AS (
    SELECT name, app_name, version, unnest(json_object_keys(samples)) AS metric, samples
    FROM baseline
)
SELECT name, app_name, version, metric, TRY_CAST(told AS DOUBLE) AS value
FROM (SELECT name, app_name, version, metric, unnest(json_get_array(samples, metric)) AS told FROM metric)
