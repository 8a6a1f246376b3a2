//! Points in time as text.

/// ISO 8601 text, in UTC with microseconds, of microseconds since the Unix epoch.
pub(crate) fn iso_8601(time_us: i64) -> String {
    let (seconds, us) = (time_us.div_euclid(1_000_000), time_us.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, so that the leap day ends the year.
    let day = days + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (month, of_month) = (
        if shifted < 10 { shifted + 3 } else { shifted - 9 },
        of_year - (153 * shifted + 2) / 5 + 1,
    );
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}.{us:06}+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_as_their_dates() {
        assert_eq!(iso_8601(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(
            iso_8601(1_768_467_604_723_695),
            "2026-01-15T09:00:04.723695+00:00"
        );
        assert_eq!(
            iso_8601(1_709_164_800_000_001),
            "2024-02-29T00:00:00.000001+00:00"
        );
    }
}
