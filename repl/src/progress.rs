//! A line on standard error that says how far a long command is: rewritten in place on a terminal, a new line each
//! time elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// A rate per second, rounded.
pub(crate) fn rate(count: u64, elapsed: Duration) -> u64 {
    let millis = elapsed.as_millis().max(1);
    u64::try_from((u128::from(count) * 1_000 + millis / 2) / millis).unwrap_or(u64::MAX)
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 gap`, `2 gaps`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Equal lines in a row of which one is shown where lines are kept: a sign of life, but no flood in a log.
const EQUAL_LINES: u32 = 30;

/// The place on standard error where progress is shown.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    terminal: bool,
    /// The line before.
    last: String,
    /// How often it came again.
    again: u32,
    /// Columns that the line in place takes.
    shown: usize,
}

impl ProgressLine {
    /// Shows nothing yet.
    pub(crate) fn new() -> Self {
        Self::on(io::stderr().is_terminal())
    }

    fn on(terminal: bool) -> Self {
        Self {
            terminal,
            last: String::new(),
            again: 0,
            shown: 0,
        }
    }

    /// Shows a line, on a terminal in the place of the one before.
    pub(crate) fn show(&mut self, line: &str) {
        // A closed standard error leaves nobody to tell.
        let _ = io::stderr().lock().write_all(self.render(line).as_bytes());
    }

    /// Leaves the last line standing.
    pub(crate) fn end(&mut self) {
        if self.shown > 0 {
            let _ = io::stderr().lock().write_all(b"\n");
            self.shown = 0;
        }
    }

    fn render(&mut self, line: &str) -> String {
        if self.terminal {
            // Blanks cover what is left of a longer line.
            let covered = format!("\r{line}{}", " ".repeat(self.shown.saturating_sub(line.len())));
            self.shown = line.len();
            return covered;
        }
        if line == self.last {
            self.again += 1;
            if !self.again.is_multiple_of(EQUAL_LINES) {
                return String::new();
            }
        } else {
            (self.last, self.again) = (line.to_owned(), 0);
        }
        format!("{line}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_and_need_no_time() {
        assert_eq!(rate(12_345, Duration::from_millis(2_000)), 6_173);
        assert_eq!(rate(0, Duration::ZERO), 0);
        assert_eq!(rate(u64::MAX, Duration::from_millis(1)), u64::MAX);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_shorter_line_covers_a_longer_one_on_a_terminal() {
        let mut line = ProgressLine::on(true);
        assert_eq!(line.render("12345"), "\r12345");
        assert_eq!(line.render("12"), "\r12   ");
        assert_eq!(line.render("123"), "\r123");
    }

    #[test]
    fn elsewhere_a_reading_is_a_line_unless_nothing_changed() {
        let mut line = ProgressLine::on(false);
        assert_eq!(
            (line.render("12"), line.render("13"), line.render("13")),
            ("12\n".into(), "13\n".into(), String::new())
        );
        let shown = (1..2 * EQUAL_LINES)
            .filter(|_| !line.render("13").is_empty())
            .count();
        assert_eq!(shown, 2);
        assert_eq!(line.render("14"), "14\n");
    }
}
