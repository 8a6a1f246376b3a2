-- gate: what the samples of each metric prove, over the table samples (metric, statistic, is_current, value).
-- Param: level number = 0.95 -- confidence level
-- Param: seed count = 0 -- where resampling begins
SELECT metric,
       found['baseline'] AS baseline, found['current'] AS current, found['difference'] AS difference,
       found['lower'] AS lower, found['upper'] AS upper, found['p_value'] AS p_value, found['method'] AS method,
       mann_whitney_p, hedges_g, cliffs_delta, detectable
FROM (
    SELECT metric,
           sample_difference(value, is_current, statistic, $level, $seed) AS found,
           mann_whitney_p(value, is_current) AS mann_whitney_p,
           hedges_g(value, is_current) AS hedges_g,
           cliffs_delta(value, is_current) AS cliffs_delta,
           minimum_detectable(value, is_current, $level) AS detectable
    FROM samples
    GROUP BY metric
)
