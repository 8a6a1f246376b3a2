-- tokens: what models read and wrote, each request counted once, and where the counts were found.
-- Filter: time = at, tenant = tenant_id, thread = thread_id, graph = graph_name
-- Section: request (table)
SELECT model, source, input_tokens, output_tokens, total_tokens
FROM tokens
WHERE $filter;
-- Section: total (record)
SELECT count(*) AS requests, coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens,
       coalesce(sum(total_tokens), 0) AS total_tokens
FROM request;
-- Section: by_model
SELECT model, source, count(*) AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
       sum(total_tokens) AS total_tokens
FROM request
GROUP BY model, source
ORDER BY total_tokens DESC NULLS LAST, model, source
