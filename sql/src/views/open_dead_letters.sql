-- open_dead_letters: records that could not be decoded, and were not resolved by a retry since.
-- Grain: one row per record.
-- Key: topic, incarnation, partition, offset.
-- Units: as table dead_letters, of which it has all columns.
-- Columns:
--   topic, incarnation, partition, offset, kafka_time
--   key: the Kafka key
--   headers: the Kafka headers as a JSON array
--   reason: why it could not be decoded, from a closed list
--   error: the same in words
--   policy: the policy under which it was refused
--   payload: the whole value
--   payload_bytes: its length
--   payload_sha256: its SHA-256
SELECT letter.*
FROM dead_letters AS letter
LEFT ANTI JOIN dead_letter_resolutions AS resolution
    ON resolution.topic = letter.topic AND resolution.incarnation = letter.incarnation
    AND resolution.partition = letter.partition AND resolution."offset" = letter."offset"
