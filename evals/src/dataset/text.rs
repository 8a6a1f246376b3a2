//! A scored suite for people.

use std::fmt::Write as _;

use super::result::{CaseResult, SuiteResult};
use crate::output::{indented, one_line};

impl SuiteResult {
    /// The report: a paragraph for each case, then the summary, then the conclusion.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a String cannot fail");
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let summary = &self.summary;
        writeln!(out, "=== Eval Suite Results ===\n")?;
        let (name, version) = (one_line(&self.suite.name), one_line(&self.suite.version));
        writeln!(out, "Suite: {name} v{version}")?;
        writeln!(out, "Description: {}", indented(&self.suite.description, 4))?;
        writeln!(
            out,
            "Test Cases: {}\n",
            summary.total_cases + summary.missing.len()
        )?;
        for (index, result) in self.results.iter().enumerate() {
            write_case(out, index + 1, result)?;
        }
        writeln!(out, "=== Summary ===")?;
        writeln!(
            out,
            "Average Correctness: {}",
            percent(summary.average_correctness)
        )?;
        writeln!(out, "Threshold: {}", percent(summary.threshold))?;
        writeln!(out, "Passed: {} / {}", summary.passed, summary.total_cases)?;
        writeln!(out, "Failed: {} / {}", summary.failed, summary.total_cases)?;
        if let Some(interval) = summary.interval {
            writeln!(
                out,
                "{}% CI: [{}, {}]",
                interval.level * 100.0,
                percent(interval.lower),
                percent(interval.upper)
            )?;
        }
        for (k, chance) in &summary.pass_at {
            writeln!(out, "Pass@{k}: {}", percent(*chance))?;
        }
        if !summary.missing.is_empty() {
            writeln!(
                out,
                "Without Answer: {} ({})",
                summary.missing.len(),
                one_line(&summary.missing.join(", "))
            )?;
        }
        for (key, groups) in &summary.groups {
            writeln!(out, "\nBy {}:", one_line(key))?;
            for (value, group) in groups {
                writeln!(
                    out,
                    "  {}: {} ({} / {} passed)",
                    one_line(value),
                    percent(group.average_correctness),
                    group.passed,
                    group.cases
                )?;
            }
        }
        writeln!(out, "\n{}", summary.conclusion.line())
    }
}

fn write_case(out: &mut String, number: usize, result: &CaseResult) -> std::fmt::Result {
    let mark = if result.passed { '✓' } else { '✗' };
    writeln!(
        out,
        "[{mark}] Case {number}: {} ({})",
        one_line(&result.id),
        percent(result.score)
    )?;
    // As wide as the labels: what a model answers must not pass for the last line of the report.
    let quoted = |text: &str| indented(text, 14);
    writeln!(out, "    Query:    {}", quoted(&result.query))?;
    writeln!(out, "    Expected: {}", quoted(&result.expected_answer))?;
    if result.answers.is_empty() {
        writeln!(out, "    Actual:   {}", quoted(&result.actual_answer))?;
    }
    for answer in &result.answers {
        let (text, score) = (quoted(&answer.answer), percent(answer.score));
        writeln!(out, "    Actual:   {text} ({score})")?;
    }
    for (k, chance) in &result.pass_at {
        writeln!(out, "    Pass@{k}:   {}", percent(*chance))?;
    }
    writeln!(out)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}
