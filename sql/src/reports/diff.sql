-- diff: the steps of two runs side by side, where they differ.
-- Param: run_a text -- run_id of the one run
-- Param: run_b text -- run_id of the other
-- Param: all boolean = false -- also the steps that are the same
-- Section: step (table)
SELECT * FROM trace_diff($run_a, $run_b);
-- Section: total (record)
SELECT count(*) FILTER (WHERE side <> 'b') AS steps_a, count(*) FILTER (WHERE side <> 'a') AS steps_b,
       count(*) FILTER (WHERE side = 'both' AND differs IS NULL) AS same,
       count(*) FILTER (WHERE side = 'both' AND differs IS NOT NULL) AS differing,
       count(*) FILTER (WHERE side = 'a') AS only_a, count(*) FILTER (WHERE side = 'b') AS only_b,
       max(step) FILTER (WHERE first_divergence) AS first_divergence,
       round(max(a_elapsed_us) / 1e3, 1) AS a_ms, round(max(b_elapsed_us) / 1e3, 1) AS b_ms
FROM step;
-- Section: steps
SELECT position, side, step, round(a_elapsed_us / 1e3, 1) AS a_elapsed_ms, round(b_elapsed_us / 1e3, 1) AS b_elapsed_ms,
       round(a_duration_us / 1e3, 1) AS a_duration_ms, round(b_duration_us / 1e3, 1) AS b_duration_ms, differs,
       first_divergence
FROM step
WHERE $all OR side <> 'both' OR differs IS NOT NULL
ORDER BY position
