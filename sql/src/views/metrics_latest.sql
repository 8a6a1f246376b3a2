-- metrics_latest: the newest value of each metric.
-- Grain: one row per metric of a thread.
-- Key: topic, incarnation, tenant_id, thread_id, scope, scope_id, name.
-- Units: times are UTC; value in the unit that unit names; readings is a count.
--
-- Newest by time, then sequence, then place in the log. Metrics messages without entries have no value and are left out.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   scope: what kind of thing was measured
--   scope_id: which thing was measured
--   name: the metric
--   value: the newest value as a number; null if it is none
--   value_text: the newest value as text
--   unit: the unit, as the producer names it
--   metric_type: COUNTER, GAUGE, HISTOGRAM or SUMMARY
--   at: when the newest value was sent
--   readings: values in all
--   sequence, partition, offset, item
SELECT topic, incarnation, tenant_id, thread_id, scope, scope_id, name, value, value_text, unit, metric_type, at, readings,
       sequence, partition, "offset", item
FROM (
    SELECT *, coalesce(time, kafka_time) AS at,
           row_number() OVER (PARTITION BY topic, incarnation, tenant_id, thread_id, scope, scope_id, name
                              ORDER BY coalesce(time, kafka_time) DESC NULLS LAST, sequence DESC, partition DESC, "offset" DESC,
                                       item DESC) AS age,
           count(*) OVER (PARTITION BY topic, incarnation, tenant_id, thread_id, scope, scope_id, name) AS readings
    FROM metrics
    WHERE NOT repeated AND name IS NOT NULL
)
WHERE age = 1
