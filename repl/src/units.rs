//! Sizes and durations as they are typed: `64MiB`, `5s`.

use std::time::Duration;

/// Reads a number of bytes: plain, or with `k`, `M`, `G` (powers of 1000) or `KiB`, `MiB`, `GiB` (powers of 1024).
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = number_and_unit(text)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "k" | "kB" | "KB" => 1_000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "Ki" | "KiB" => 1 << 10,
        "Mi" | "MiB" => 1 << 20,
        "Gi" | "GiB" => 1 << 30,
        other => {
            return Err(format!(
                "unknown unit {other:?}: use B, kB, MB, GB, KiB, MiB or GiB"
            ));
        }
    };
    number
        .checked_mul(factor)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "must be from 1 byte to 16 EiB".to_owned())
}

/// Reads a duration with its unit: `200ms`, `5s`, `1m`, `2h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = number_and_unit(text)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "" => {
            return Err(format!(
                "{text:?} needs a unit: {text}ms, {text}s, {text}m or {text}h"
            ));
        }
        other => return Err(format!("unknown unit {other:?}: use ms, s, m or h")),
    };
    number
        .checked_mul(millis)
        .filter(|millis| *millis > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| "must be above 0".to_owned())
}

/// Splits `64 MiB` into 64 and `MiB`.
fn number_and_unit(text: &str) -> Result<(u64, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end]
        .parse()
        .map_err(|_| format!("{text:?} does not begin with a whole number"))?;
    Ok((number, text[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        assert_eq!(bytes("1000"), Ok(1_000));
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("2 GB"), Ok(2_000_000_000));
        assert!(bytes("64 parsecs").unwrap_err().contains("parsecs"));
        assert!(bytes("0").is_err());
        assert!(bytes("99999999999GiB").is_err());
        assert!(bytes("MiB").is_err());
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert!(duration("5").unwrap_err().contains("5s"));
        assert!(duration("0s").is_err());
        assert!(duration("5 y").is_err());
    }
}
