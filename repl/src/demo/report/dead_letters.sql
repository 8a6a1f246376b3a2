-- Records that could not be decoded. They are kept whole.
SELECT reason, count(*) AS records, sum(payload_bytes) AS payload_bytes, min(error) AS first_error
FROM dead_letters
GROUP BY reason
ORDER BY reason
