-- suite_results: answers to the cases of golden suites, scored.
-- Grain: one row per result of a suite and case.
-- Key: name, case_id.
-- Units: score and threshold from 0 to 1.
--
-- `quipu eval suite --keep` writes them.
-- Columns:
--   name: the result
--   suite: the suite
--   version: its version
--   case_id: the case
--   query: the question
--   expected_answer: what should have been answered
--   actual_answer: what was answered: the first of several answers
--   scoring: the method of scoring
--   score: how well it was answered; of several answers the mean
--   threshold: the score from which the case passes
--   passed: whether it does
--   weight: how much the case counts
--   category: category of the case, as its metadata tells
WITH told AS (
    SELECT name, json_get_str(document, 'suite', 'name') AS suite, json_get_str(document, 'suite', 'version') AS version,
           unnest(json_get_array(document, 'results')) AS told
    FROM system.evaluations
    WHERE kind = 'suite'
)
SELECT name, suite, version, told ->> 'id' AS case_id, told ->> 'query' AS query,
       told ->> 'expected_answer' AS expected_answer, told ->> 'actual_answer' AS actual_answer,
       told ->> 'scoring' AS scoring, json_get_float(told, 'score') AS score,
       json_get_float(told, 'threshold') AS threshold, json_get_bool(told, 'passed') AS passed,
       json_get_float(told, 'weight') AS weight, json_get_str(told, 'metadata', 'category') AS category
FROM told
