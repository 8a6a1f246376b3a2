-- open_dead_letters: records that could not be decoded, and were not resolved by a retry since.
-- Grain: one row per record.
-- Key: topic, incarnation, partition, offset.
-- Units: as table dead_letters, of which it has all columns.
SELECT letter.*
FROM dead_letters AS letter
LEFT ANTI JOIN dead_letter_resolutions AS resolution
    ON resolution.topic = letter.topic AND resolution.incarnation = letter.incarnation
    AND resolution.partition = letter.partition AND resolution."offset" = letter."offset"
