-- regressions: what gates found to have become worse: the rows of comparisons that regressed.
-- Grain: one row per comparison and metric that regressed.
-- Key: name, metric.
-- Units: values in the unit of the metric; compared_at is UTC; relative is a share of the baseline.
-- Columns:
--   name: the comparison
--   app_name: the application
--   compared_with: the baseline: a file, a name, or a condition
--   compared_at: when
--   metric: the metric
--   unit: what it is measured in
--   baseline: what it was
--   current: what it was then
--   difference: current - baseline
--   relative: the difference as a share of the baseline
--   adjusted_p: how often two samples without a difference differ as much, among all metrics of the gate
--   threshold: the fixed threshold: a multiple such as 1.2x, or a difference
--   severity: critical, warning or info
--   reason: why
SELECT name, app_name, compared_with, compared_at, metric, unit, baseline, current, difference, relative, adjusted_p,
       threshold, severity, reason
FROM comparisons
WHERE verdict = 'regressed'
