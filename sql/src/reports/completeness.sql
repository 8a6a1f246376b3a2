-- One row: the account of all threads. Sums are decimals: the numbers of a single thread may reach 2^64 - 1.
WITH thread AS (
    SELECT CAST(seen AS DECIMAL(38, 0)) AS seen, CAST(missing AS DECIMAL(38, 0)) AS missing,
           CAST(ambiguous AS DECIMAL(38, 0)) AS ambiguous, tail
    FROM completeness
    WHERE scope = 'thread'
),
total AS (
    SELECT count(*) FILTER (WHERE seen > 0) AS threads,
           coalesce(sum(seen), 0) AS seen, coalesce(sum(missing), 0) AS missing, coalesce(sum(ambiguous), 0) AS ambiguous,
           count(*) FILTER (WHERE tail = 'closed') AS tails_closed,
           count(*) FILTER (WHERE tail = 'open') AS tails_open,
           count(*) FILTER (WHERE tail = 'broken') AS tails_broken
    FROM thread
)
SELECT (SELECT count(*) FROM messages) AS messages,
       (SELECT count(*) FROM open_dead_letters) AS dead_letters,
       threads, seen, missing, ambiguous, tails_closed, tails_open, tails_broken
FROM total
