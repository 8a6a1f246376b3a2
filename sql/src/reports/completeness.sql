-- One row: the account of all threads.
-- expected counts the numbers from 1 (or from the first one seen, where reading began in mid-stream) to the last one
-- seen of each thread. Sums are decimals: the numbers of a single thread may reach 2^64 - 1.
WITH threads AS (
    SELECT topic, incarnation, tenant_id, thread_id,
           CAST(max(last_sequence) AS DECIMAL(38, 0)) AS last_sequence,
           CASE WHEN bool_or(head = 'unknown') THEN CAST(min(first_sequence) AS DECIMAL(38, 0))
                ELSE CAST(1 AS DECIMAL(38, 0)) END AS first_sequence
    FROM sequence_runs
    GROUP BY topic, incarnation, tenant_id, thread_id
)
SELECT (SELECT count(*) FROM messages) AS messages,
       (SELECT count(*) FROM threads) AS threads,
       (SELECT CAST(coalesce(sum(last_sequence - first_sequence + 1), 0) AS DECIMAL(38, 0)) FROM threads) AS expected,
       (SELECT CAST(coalesce(sum(CAST(missing AS DECIMAL(38, 0))), 0) AS DECIMAL(38, 0)) FROM gaps) AS missing,
       (SELECT count(*)
        FROM dead_letters AS letter
        LEFT ANTI JOIN dead_letter_resolutions AS resolution
            ON resolution.topic = letter.topic AND resolution.incarnation = letter.incarnation
            AND resolution.partition = letter.partition AND resolution."offset" = letter."offset") AS dead_letters
