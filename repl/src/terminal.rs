//! What may be printed to whom.

use std::io::{self, IsTerminal, Write};

use crate::escape;
use crate::failure;

/// Whether standard output takes colour: it is a terminal that can show it, and nobody said no (<https://no-color.org>).
#[must_use]
pub fn takes_colour() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !forbidden && !dumb && io::stdout().is_terminal()
}

/// Writes a text to standard output and sees to it that it arrives. A closed pipe is no error: whoever reads the first lines
/// only is still told by the exit code, which a gate must not lose.
///
/// # Errors
///
/// It cannot be written.
pub fn print(text: &str) -> Result<(), failure::OutputError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(failure::OutputError),
    }
}

/// Says something on standard error, on one line.
pub fn say(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", failure::one_line(text));
}

/// A report with nothing in it that could steer a terminal but line feeds: it quotes answers of models.
#[must_use]
pub fn harmless(report: &str) -> String {
    let mut out = String::with_capacity(report.len());
    push_harmless(&mut out, report);
    out
}

/// The sequences of our reports: red, yellow, cyan, and back. Others that set attributes may hide text.
const COLOURS: [&str; 4] = ["\u{1b}[31m", "\u{1b}[33m", "\u{1b}[36m", "\u{1b}[0m"];

/// The same for a report that has colours: those of ours stay.
#[must_use]
pub fn harmless_but_colours(report: &str) -> String {
    let mut out = String::with_capacity(report.len());
    let mut rest = report;
    while let Some(place) = rest.find('\u{1b}') {
        push_harmless(&mut out, &rest[..place]);
        rest = &rest[place..];
        match COLOURS.iter().find(|colour| rest.starts_with(**colour)) {
            Some(colour) => {
                out.push_str(colour);
                rest = &rest[colour.len()..];
            }
            None => {
                escape::push_visible_char(&mut out, '\u{1b}');
                rest = &rest[1..];
            }
        }
    }
    push_harmless(&mut out, rest);
    out
}

fn push_harmless(out: &mut String, text: &str) {
    for c in text.chars() {
        if c == '\n' || !escape::is_unsafe(c) {
            out.push(c);
        } else {
            escape::push_visible_char(out, c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_its_lines_and_loses_its_sequences() {
        assert_eq!(harmless("a\nb\u{1b}[2J\n"), "a\nb\\u001b[2J\n");
        assert_eq!(harmless("\u{1b}[33m"), "\\u001b[33m");
    }

    #[test]
    fn of_sequences_only_colours_stay() {
        let report = "\u{1b}[33m⚠ a\u{1b}[0m\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[";
        assert_eq!(
            harmless_but_colours(report),
            "\u{1b}[33m⚠ a\u{1b}[0m\\u001b[2J\\u001b]0;title\\u0007\\u001b["
        );
        assert_eq!(harmless_but_colours("\u{1b}[8mhidden"), "\\u001b[8mhidden");
    }
}
