//! Points in time as RFC 3339 text.

use std::fmt::Write;

use quipu::arrow::datatypes::TimeUnit;

const SECONDS_PER_DAY: i64 = 86_400;

/// Years that RFC 3339 can write.
const YEARS: std::ops::RangeInclusive<i64> = 0..=9999;

/// How many units of a timestamp make a second.
fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A timestamp as `2026-01-02T03:04:05.000006Z`: six digits, or nine when nanoseconds need them; the `Z` only when
/// the column says that it is in UTC. None outside the years 0 to 9999, which RFC 3339 cannot write.
pub(crate) fn timestamp(value: i64, unit: TimeUnit, utc: bool) -> Option<String> {
    let per_second = per_second(unit);
    let seconds = value.div_euclid(per_second);
    let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let mut text = date(seconds.div_euclid(SECONDS_PER_DAY))?;
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let zone = if utc { "Z" } else { "" };
    let written = if nanos % 1_000 == 0 {
        write!(
            text,
            "T{hour:02}:{minute:02}:{second:02}.{:06}{zone}",
            nanos / 1_000
        )
    } else {
        write!(text, "T{hour:02}:{minute:02}:{second:02}.{nanos:09}{zone}")
    };
    written.ok().map(|()| text)
}

/// The day that lies so many days after 1970-01-01, as `2026-01-02`. None outside the years 0 to 9999.
pub(crate) fn date(days: i64) -> Option<String> {
    // Counting from 1 March of the year 0 puts the leap day at the end of a year, and 400 years (an era) have a
    // fixed number of days.
    let days = days.checked_add(719_468)?;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    YEARS
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(value: i64) -> Option<String> {
        timestamp(value, TimeUnit::Microsecond, true)
    }

    #[test]
    fn microseconds_are_always_written() {
        assert_eq!(micros(0).as_deref(), Some("1970-01-01T00:00:00.000000Z"));
        assert_eq!(
            micros(1_767_323_045_000_006).as_deref(),
            Some("2026-01-02T03:04:05.000006Z")
        );
        assert_eq!(
            timestamp(1, TimeUnit::Second, true).as_deref(),
            Some("1970-01-01T00:00:01.000000Z")
        );
    }

    #[test]
    fn times_before_the_epoch_count_backwards() {
        assert_eq!(micros(-1).as_deref(), Some("1969-12-31T23:59:59.999999Z"));
        assert_eq!(date(-719_468 - 60).as_deref(), Some("0000-01-01"));
    }

    #[test]
    fn leap_days_are_where_they_belong() {
        assert_eq!(date(11_016).as_deref(), Some("2000-02-29"));
        assert_eq!(date(11_017).as_deref(), Some("2000-03-01"));
        assert_eq!(date(-25_509).as_deref(), Some("1900-02-28"));
        assert_eq!(date(-25_508).as_deref(), Some("1900-03-01"));
    }

    #[test]
    fn nanoseconds_are_written_only_when_there_are_some() {
        let nanos = |value| timestamp(value, TimeUnit::Nanosecond, false);
        assert_eq!(nanos(1_000).as_deref(), Some("1970-01-01T00:00:00.000001"));
        assert_eq!(nanos(1_001).as_deref(), Some("1970-01-01T00:00:00.000001001"));
    }

    #[test]
    fn years_that_rfc_3339_cannot_write_are_refused() {
        assert_eq!(micros(i64::MAX), None);
        assert_eq!(micros(i64::MIN), None);
        assert_eq!(timestamp(i64::MAX, TimeUnit::Second, true), None);
        assert_eq!(
            micros(253_402_300_799_999_999).as_deref(),
            Some("9999-12-31T23:59:59.999999Z")
        );
        assert_eq!(micros(253_402_300_800_000_000), None);
        assert_eq!(date(i64::MAX), None);
    }
}
