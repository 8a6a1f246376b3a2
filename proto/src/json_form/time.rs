//! A point in time as RFC 3339 text, in UTC.

use crate::json;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// The years that have a text; a time outside is `invalid`.
const YEARS: std::ops::RangeInclusive<i64> = -262_143..=262_142;

/// Writes microseconds since the Unix epoch as a JSON string: without a fraction where it is zero, else with the three
/// or six digits that it needs.
pub(super) fn write(out: &mut Vec<u8>, us: i64) {
    let (seconds, micros) = (us.div_euclid(MICROS), us.rem_euclid(MICROS));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    if !YEARS.contains(&year) {
        out.extend_from_slice(b"\"invalid\"");
        return;
    }
    out.push(b'"');
    if (0..=9_999).contains(&year) {
        push_digits(out, year, 4);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        if year.abs() < 10_000 {
            push_digits(out, year.abs(), 4);
        } else {
            json::write_int(out, year.abs());
        }
    }
    for (separator, number) in [
        (b'-', month),
        (b'-', day),
        (b'T', second / 3_600),
        (b':', second / 60 % 60),
        (b':', second % 60),
    ] {
        out.push(separator);
        push_digits(out, number, 2);
    }
    if micros > 0 {
        out.push(b'.');
        if micros % 1_000 == 0 {
            push_digits(out, micros / 1_000, 3);
        } else {
            push_digits(out, micros, 6);
        }
    }
    out.extend_from_slice(b"+00:00\"");
}

/// Appends the last `width` digits of a number that is not negative; at most six.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn push_digits(out: &mut Vec<u8>, mut number: i64, width: usize) {
    let mut digits = [b'0'; 6];
    for digit in digits[..width].iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[..width]);
}

/// Year, month and day of the proleptic Gregorian calendar from days since the Unix epoch. Years are counted from March,
/// so that the leap day is the last of its year, in eras of 400 years, which all have the same number of days.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    // From the first of March of the year 0.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
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
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(us: i64) -> String {
        let mut out = Vec::new();
        write(&mut out, us);
        String::from_utf8(out)
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned()
    }

    #[test]
    fn a_fraction_has_the_digits_it_needs() {
        assert_eq!(text(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(text(1_699_564_800_000_000), "2023-11-09T21:20:00+00:00");
        assert_eq!(text(1_699_564_800_250_000), "2023-11-09T21:20:00.250+00:00");
        assert_eq!(text(1_699_564_800_000_001), "2023-11-09T21:20:00.000001+00:00");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999+00:00");
    }

    #[test]
    fn leap_days_and_centuries_are_where_they_should_be() {
        assert_eq!(text(951_782_400 * MICROS), "2000-02-29T00:00:00+00:00");
        assert_eq!(text(4_107_542_400 * MICROS), "2100-03-01T00:00:00+00:00");
        assert_eq!(text((4_107_542_400 - DAY) * MICROS), "2100-02-28T00:00:00+00:00");
    }

    #[test]
    fn years_beyond_four_digits_have_a_sign_and_the_farthest_no_text() {
        assert_eq!(text(253_402_300_800 * MICROS), "+10000-01-01T00:00:00+00:00");
        assert_eq!(text(-62_167_219_200 * MICROS), "0000-01-01T00:00:00+00:00");
        assert_eq!(text(-62_167_219_201 * MICROS), "-0001-12-31T23:59:59+00:00");
        assert_eq!(text(i64::MAX), "invalid");
        assert_eq!(text(i64::MIN), "invalid");
    }
}
