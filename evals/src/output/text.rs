//! An outcome as lines for people.

use std::fmt::{self, Write};

use super::escape::{one_line, visible};
use super::finding::{Finding, Severity, Status};
use super::outcome::Outcome;

const RESET: &str = "\u{1b}[0m";
const BOLD: &str = "\u{1b}[1m";

/// Widest column of names; a longer name shifts its own line only.
const NAME_COLUMNS_MAX: usize = 48;

/// Whether text is coloured. Who prints it decides: colour is for terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// No escape sequence, whatever the findings hold.
    #[default]
    Never,
    /// Statuses and the verdict line in colour.
    Always,
}

/// An outcome as lines: one for each finding, its details indented below, then the notes, and the verdict line last.
#[must_use]
pub fn to_text(outcome: &Outcome, colour: Colour) -> String {
    let mut out = String::new();
    // Writing into memory does not fail.
    let _ = write_outcome(&mut out, outcome, colour);
    out
}

fn write_outcome(out: &mut String, outcome: &Outcome, colour: Colour) -> fmt::Result {
    writeln!(out, "{}\n", one_line(&outcome.title))?;
    let width = (outcome.findings.iter())
        .map(|finding| one_line(&finding.name).chars().count())
        .max()
        .unwrap_or(0)
        .min(NAME_COLUMNS_MAX);
    for finding in &outcome.findings {
        write_finding(out, finding, width, colour)?;
    }
    if !outcome.findings.is_empty() {
        writeln!(out)?;
    }
    for note in &outcome.notes {
        writeln!(out, "note: {}", one_line(note))?;
    }
    if !outcome.notes.is_empty() {
        writeln!(out)?;
    }
    let line = one_line(&outcome.verdict_line());
    match (colour, outcome.exit_code()) {
        (Colour::Never, _) => writeln!(out, "{line}"),
        (Colour::Always, 0) => writeln!(out, "{BOLD}{}{line}{RESET}", paint(Status::Passed)),
        (Colour::Always, _) => writeln!(out, "{BOLD}{}{line}{RESET}", paint(Status::Failed)),
    }
}

fn write_finding(out: &mut String, finding: &Finding, width: usize, colour: Colour) -> fmt::Result {
    let status = format!("{} {:<12}", icon(finding.status), finding.status.as_str());
    match colour {
        Colour::Never => write!(out, "  {status}")?,
        Colour::Always => write!(out, "  {}{status}{RESET}", paint(finding.status))?,
    }
    let mut rest = format!("  {:<width$}", one_line(&finding.name));
    // Which of the findings matter less than the others is worth a word only for what is not as it should be.
    if finding.severity != Severity::Critical && matches!(finding.status, Status::Failed | Status::Warning) {
        rest.push_str(&format!("  [{}]", finding.severity));
    }
    if !finding.message.is_empty() {
        rest.push_str(&format!("  {}", one_line(&finding.message)));
    }
    writeln!(out, "{}", rest.trim_end())?;
    if finding.status == Status::Passed {
        return Ok(());
    }
    for detail in finding.details.iter().flat_map(|detail| detail.lines()) {
        writeln!(out, "      {}", visible(detail))?;
    }
    match &finding.location {
        Some(location) => writeln!(out, "      at {}", one_line(&location.to_string())),
        None => Ok(()),
    }
}

fn icon(status: Status) -> char {
    match status {
        Status::Passed => '✓',
        Status::Skipped => '-',
        Status::Inconclusive => '?',
        Status::Warning => '!',
        Status::Failed | Status::Error => '✗',
    }
}

/// The escape sequence that begins the colour of a status.
fn paint(status: Status) -> &'static str {
    match status {
        Status::Passed => "\u{1b}[32m",
        Status::Skipped => "\u{1b}[2m",
        Status::Inconclusive | Status::Warning => "\u{1b}[33m",
        Status::Failed | Status::Error => "\u{1b}[31m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn findings_are_aligned_and_the_verdict_comes_last() {
        let text = to_text(&sample::outcome(), Colour::Never);
        let expected = r#"checks

  ✗ failed        every_run_ends  3 runs never ended: 100% <of> "a|b" & c, d
      thread_id = a, status = running
      two
      lines ]]> \u{1b}[31m\u{0}\u{ffff}
      at checks/every_run_ends.sql:7
  ! warning       tool_success    [warning]  search fails too often
      at checks/tools:all,new.sql:4
  ✗ error         no_gaps         no column "missin" perhaps "missing"
      at checks/no_gaps.sql
  ? inconclusive  p95_latency     4 runs, 5 needed
  ✓ passed        no_errors
  - skipped       cost            not tagged ci

note: completeness: 99.9 %

FAILED: 1 of 6 claims is violated
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn only_what_we_colour_is_coloured() {
        let text = to_text(&sample::outcome(), Colour::Always);
        assert_eq!(
            text.matches("\u{1b}[0m").count(),
            7,
            "six findings and the verdict"
        );
        assert!(text.contains("\u{1b}[31m✗ failed      \u{1b}[0m  every_run_ends"));
        assert!(text.ends_with("\u{1b}[1m\u{1b}[31mFAILED: 1 of 6 claims is violated\u{1b}[0m\n"));
        assert!(!to_text(&sample::outcome(), Colour::Never).contains('\u{1b}'));
    }
}
