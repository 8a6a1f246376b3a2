-- errors: what went wrong, told by messages, events, tools and traces, most frequent first.
-- Param: top count = 50 -- at most so many of each part
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
-- Section: error (table)
SELECT * FROM errors_all WHERE $filter;
-- Section: by_severity
SELECT severity, count(*) AS errors, round(CAST(count(*) AS DOUBLE) / sum(count(*)) OVER (), 4) AS share,
       count(DISTINCT concat(octet_length(topic), ':', topic, octet_length(tenant_id), ':', tenant_id, thread_id)) AS sessions
FROM error
GROUP BY severity
ORDER BY errors DESC, severity;
-- Section: by_cause
SELECT kind, severity, error_code, node_id, tool_name, count(*) AS errors,
       count(DISTINCT concat(octet_length(topic), ':', topic, octet_length(tenant_id), ':', tenant_id, thread_id)) AS sessions,
       min(at) AS first_time, max(at) AS last_time,
       left(last_value(message ORDER BY at, sequence, "offset"), 200) AS newest_message
FROM error
GROUP BY kind, severity, error_code, node_id, tool_name
ORDER BY errors DESC, kind, severity, error_code, node_id, tool_name
LIMIT $top
