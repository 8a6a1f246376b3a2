-- comparisons: what gates found, metric by metric.
-- Grain: one row per comparison and metric.
-- Key: name, metric.
-- Units: values in the unit of the metric; compared_at is UTC; relative is a share of the baseline.
--
-- `quipu eval compare --keep` writes them. Null is what could not be told: without samples there is no interval.
-- Columns:
--   name: the comparison
--   app_name: the application
--   compared_with: the baseline: a file, a name, or a condition
--   compared_at: when
--   metric: the metric
--   unit: what it is measured in
--   better: lower or higher
--   statistic: mean, rate or a percentile
--   baseline: what it was
--   current: what it was then
--   baseline_samples: values of the baseline
--   current_samples: values then
--   difference: current - baseline
--   relative: the difference as a share of the baseline
--   lower: lower limit of the difference
--   upper: upper limit of the difference
--   p_value: how often two samples without a difference differ as much
--   adjusted_p: the same among all metrics of the gate
--   mann_whitney_p: p-value of the Mann-Whitney test
--   hedges_g: difference in standard deviations
--   cliffs_delta: share of pairs with a greater current value less the share with a smaller one
--   detectable: the least difference that such samples show 4 times out of 5
--   threshold: the fixed threshold: a multiple such as 1.2x, or a difference
--   verdict: pass, improved, inconclusive or regressed
--   severity: of a regression: critical, warning or info
--   reason: why
WITH told AS (
    SELECT name, document ->> 'app_name' AS app_name, document ->> 'baseline' AS compared_with,
           TRY_CAST(document ->> 'compared_at' AS TIMESTAMP WITH TIME ZONE) AS compared_at,
           unnest(json_get_array(document, 'comparisons')) AS told
    FROM system.evaluations
    WHERE kind = 'comparison'
)
SELECT name, app_name, compared_with, compared_at,
       told ->> 'metric' AS metric, told ->> 'unit' AS unit, told ->> 'better' AS better, told ->> 'statistic' AS statistic,
       json_get_float(told, 'baseline') AS baseline, json_get_float(told, 'current') AS current,
       json_get_int(told, 'baseline_samples') AS baseline_samples,
       json_get_int(told, 'current_samples') AS current_samples,
       json_get_float(told, 'difference') AS difference, json_get_float(told, 'relative') AS relative,
       json_get_float(told, 'lower') AS lower, json_get_float(told, 'upper') AS upper,
       json_get_float(told, 'p_value') AS p_value, json_get_float(told, 'adjusted_p') AS adjusted_p,
       json_get_float(told, 'mann_whitney_p') AS mann_whitney_p, json_get_float(told, 'hedges_g') AS hedges_g,
       json_get_float(told, 'cliffs_delta') AS cliffs_delta, json_get_float(told, 'detectable') AS detectable,
       told ->> 'threshold' AS threshold, told ->> 'verdict' AS verdict, told ->> 'severity' AS severity,
       told ->> 'reason' AS reason
FROM told
