//! How fast to send, as it is typed.

use quipu::client::replay::Pace;

/// Reads `full`, `original`, `10x` or `500/s`.
pub(super) fn parse(text: &str) -> Result<Pace, String> {
    let wrong =
        || format!("{text:?} is no speed: use full, original, a factor such as 10x, or a rate such as 500/s");
    let above_zero = |number: &str| {
        let number: f64 = number.parse().map_err(|_| wrong())?;
        if number.is_finite() && number > 0.0 {
            Ok(number)
        } else {
            Err(wrong())
        }
    };
    match text {
        "full" => Ok(Pace::Full),
        "original" => Ok(Pace::Original(1.0)),
        _ => {
            if let Some(factor) = text.strip_suffix('x') {
                above_zero(factor).map(Pace::Original)
            } else if let Some(rate) = text.strip_suffix("/s") {
                above_zero(rate).map(Pace::PerSecond)
            } else {
                Err(wrong())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_as_they_are_typed() {
        assert_eq!(parse("full"), Ok(Pace::Full));
        assert_eq!(parse("original"), Ok(Pace::Original(1.0)));
        assert_eq!(parse("2.5x"), Ok(Pace::Original(2.5)));
        assert_eq!(parse("500/s"), Ok(Pace::PerSecond(500.0)));
        for wrong in ["", "fast", "0x", "-1x", "x", "/s", "nanx", "inf/s", "500"] {
            assert!(parse(wrong).unwrap_err().contains("500/s"), "{wrong}");
        }
    }
}
