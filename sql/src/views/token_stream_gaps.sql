-- token_stream_gaps: answers of models that did not arrive whole: chunks are missing between others, or the last one is.
-- Grain: one row per request of a thread with something missing.
-- Key: topic, incarnation, tenant_id, thread_id, request_id.
-- Units: times are UTC; chunks counts those that came, copies left out; missing_chunks those up to the highest
--   chunk_index that did not. Producers count chunks from 0.
--
-- Chunks without a thread id are left out: they can be of any thread.
-- has_final: whether a chunk with is_final came. Without one the answer was cut, or its end is still to come.
-- Columns:
--   topic, incarnation, tenant_id, thread_id
--   request_id: the request, as the producer names it
--   chunks: chunks that came
--   first_index: lowest chunk_index
--   last_index: highest chunk_index
--   missing_chunks: chunks below the highest that did not come
--   has_final: whether the last chunk came
--   first_time: first chunk
--   last_time: newest chunk
WITH request AS (
    SELECT topic, incarnation, tenant_id, thread_id, request_id,
           count(DISTINCT chunk_index) AS chunks,
           min(chunk_index) AS first_index, max(chunk_index) AS last_index,
           bool_or(is_final) AS has_final,
           min(coalesce(time, kafka_time)) AS first_time, max(coalesce(time, kafka_time)) AS last_time
    FROM token_chunks
    WHERE NOT repeated AND request_id IS NOT NULL AND thread_id <> ''
    GROUP BY topic, incarnation, tenant_id, thread_id, request_id
)
SELECT topic, incarnation, tenant_id, thread_id, request_id, chunks, first_index, last_index,
       last_index + 1 - chunks AS missing_chunks, has_final, first_time, last_time
FROM request
WHERE last_index + 1 <> chunks OR NOT has_final
