//! An outcome as Markdown, for comments on pull requests and for step summaries.

use std::fmt::{self, Write};

use super::escape::{one_line, visible};
use super::finding::{Finding, Status};
use super::outcome::Outcome;

/// An outcome as Markdown, as GitHub shows it: the verdict line, a table of the findings, their details below.
#[must_use]
pub fn to_markdown(outcome: &Outcome) -> String {
    let mut out = String::new();
    // Writing into memory does not fail.
    let _ = write_outcome(&mut out, outcome);
    out
}

fn write_outcome(out: &mut String, outcome: &Outcome) -> fmt::Result {
    writeln!(out, "## {}\n", plain(&outcome.title))?;
    writeln!(out, "**{}**", plain(&outcome.verdict_line()))?;
    if !outcome.findings.is_empty() {
        writeln!(out, "\n| Result | Name | Severity | Message | Where |")?;
        writeln!(out, "|---|---|---|---|---|")?;
    }
    for finding in &outcome.findings {
        let place = finding.location.as_ref().map(ToString::to_string);
        writeln!(
            out,
            "| {} {} | {} | {} | {} | {} |",
            icon(finding.status),
            finding.status,
            plain(&finding.name),
            finding.severity,
            plain(&finding.message),
            plain(&place.unwrap_or_default())
        )?;
    }
    let has_more = |finding: &&Finding| !finding.details.is_empty() && finding.status != Status::Passed;
    for finding in outcome.findings.iter().filter(has_more) {
        write_details(out, finding)?;
    }
    if !outcome.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &outcome.notes {
        writeln!(out, "- {}", plain(note))?;
    }
    Ok(())
}

/// The details of a finding, folded away, as they are.
fn write_details(out: &mut String, finding: &Finding) -> fmt::Result {
    let lines: Vec<String> = (finding.details.iter())
        .flat_map(|detail| detail.lines())
        .map(visible)
        .collect();
    // A fence is longer than any run of its letter inside of it (GitHub Flavored Markdown 0.29, section 4.5).
    let longest = (lines.iter())
        .flat_map(|line| line.split(|c| c != '`'))
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(
        out,
        "\n<details><summary>{}</summary>\n\n{fence}text\n{}\n{fence}\n\n</details>",
        html(&one_line(&finding.name)),
        lines.join("\n")
    )
}

fn icon(status: Status) -> &'static str {
    match status {
        Status::Passed => "✅",
        Status::Skipped => "➖",
        Status::Inconclusive => "❔",
        Status::Warning => "⚠️",
        Status::Failed | Status::Error => "❌",
    }
}

/// Text that means nothing but itself: what would end a cell or a row, begin HTML or change how it looks is escaped.
fn plain(text: &str) -> String {
    let line = one_line(text);
    let mut out = String::with_capacity(line.len());
    let mut before = None;
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Inside of a word it changes nothing (section 6.4), and names are full of it.
            '_' if joins(before) && joins(letters.peek().copied()) => out.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = Some(c);
    }
    out
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn findings_are_a_table_with_details_below() {
        let expected = "## checks

**FAILED: 1 of 6 claims is violated**

| Result | Name | Severity | Message | Where |
|---|---|---|---|---|
| ❌ failed | every_run_ends | critical | 3 runs never ended: 100% &lt;of&gt; \"a\\|b\" &amp; c, d | checks/every_run_ends.sql:7 |
| ⚠️ warning | tool_success | warning | search fails too often | checks/tools:all,new.sql:4 |
| ❌ error | no_gaps | critical | no column \"missin\" perhaps \"missing\" | checks/no_gaps.sql |
| ❔ inconclusive | p95_latency | critical | 4 runs, 5 needed |  |
| ✅ passed | no_errors | critical |  |  |
| ➖ skipped | cost | critical | not tagged ci |  |

<details><summary>every_run_ends</summary>

```text
thread_id = a, status = running
two
lines ]]> \\u{1b}[31m\\u{0}\\u{ffff}
```

</details>

- completeness: 99.9 %
";
        assert_eq!(to_markdown(&sample::outcome()), expected);
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(plain("a | b\n<b>*x*</b>"), "a \\| b &lt;b&gt;\\*x\\*&lt;/b&gt;");
        assert_eq!(
            plain("p95_latency _now_ [x](y)"),
            "p95_latency \\_now\\_ \\[x\\](y)"
        );
    }

    #[test]
    fn a_fence_is_longer_than_those_inside_of_it() {
        let mut outcome = sample::outcome();
        outcome.findings[0].details = vec!["````".to_owned()];
        let text = to_markdown(&outcome);
        assert_eq!(text.matches("`````").count(), 2, "{text}");
    }
}
