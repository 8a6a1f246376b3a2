//! `--from` and `--until` as they are typed.

use quipu::arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use quipu::ingest::kafka::{StartFrom, Until};

const NANOS_PER_MILLI: i64 = 1_000_000;

/// Reads `stored`, `earliest`, `latest`, an offset or a time.
pub(crate) fn start(text: &str) -> Result<StartFrom, String> {
    match text.to_ascii_lowercase().as_str() {
        "stored" => Ok(StartFrom::Stored),
        "earliest" => Ok(StartFrom::Earliest),
        "latest" => Ok(StartFrom::Latest),
        _ => place(text, StartFrom::Offset, StartFrom::Timestamp).ok_or_else(|| {
            "use stored, earliest, latest, an offset from 0, or a time such as 2026-01-02T03:04:05Z"
                .to_owned()
        }),
    }
}

/// Reads `end`, an offset or a time.
pub(crate) fn end(text: &str) -> Result<Until, String> {
    match text.to_ascii_lowercase().as_str() {
        "end" => Ok(Until::End),
        _ => place(text, Until::Offset, Until::Timestamp)
            .ok_or_else(|| "use end, an offset from 0, or a time such as 2026-01-02T03:04:05Z".to_owned()),
    }
}

/// An offset or a time. A time without zone is in UTC, as everything here is.
fn place<T>(text: &str, offset: impl Fn(i64) -> T, time: impl Fn(i64) -> T) -> Option<T> {
    if let Ok(number) = text.parse::<i64>() {
        return (number >= 0).then(|| offset(number));
    }
    // Rounded up: the first record at or after the time has this millisecond or a later one.
    string_to_timestamp_nanos(text).ok().map(|nanos| {
        time(nanos.div_euclid(NANOS_PER_MILLI) + i64::from(nanos.rem_euclid(NANOS_PER_MILLI) > 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_offsets_and_times_are_told_apart() {
        assert_eq!(start("Earliest"), Ok(StartFrom::Earliest));
        assert_eq!(start("stored"), Ok(StartFrom::Stored));
        assert_eq!(start("42"), Ok(StartFrom::Offset(42)));
        assert_eq!(start("1970-01-01T00:00:01.5Z"), Ok(StartFrom::Timestamp(1_500)));
        assert_eq!(
            start("1970-01-01T01:00:01+01:00"),
            Ok(StartFrom::Timestamp(1_000))
        );
        assert_eq!(end("1970-01-02"), Ok(Until::Timestamp(86_400_000)));
        assert_eq!(end("end"), Ok(Until::End));
    }

    #[test]
    fn a_time_between_milliseconds_is_rounded_up() {
        assert_eq!(start("1970-01-01T00:00:00.0000001Z"), Ok(StartFrom::Timestamp(1)));
    }

    #[test]
    fn anything_else_is_refused_with_what_can_be_said() {
        for text in ["-1", "yesterday", "", "99999999999999999999", "latest "] {
            assert!(start(text).unwrap_err().contains("earliest"), "{text}");
        }
        assert!(end("latest").unwrap_err().contains("end"));
    }
}
