//! What follows from the rows of all claims.

use std::time::Duration;

use super::claim::Claim;
use super::error::ClaimError;
use super::message::Message;
use super::violation::{Violation, Violations};
use crate::output::{Finding, Location, Outcome, Severity, Status};
use crate::verdict::Verdict;

/// What came of running a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The rows that it returned.
    Rows(Violations),
    /// It could not be run, and why.
    Failed(String),
}

/// A claim that was run.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The claim.
    pub claim: Claim,
    /// What came of running it.
    pub answer: Answer,
    /// How long it ran.
    pub duration: Option<Duration>,
}

/// Judges claims that were run, and those of the same folder that could not even be read.
///
/// The gate fails ([`Verdict::Regressed`]) if a claim of severity `fail_on` or more is violated, whatever becomes of the
/// others: no answer of theirs could make it pass. Else it could not judge (no verdict) if one of them could not be run, and
/// passes if all could. A violation of less severity is a warning.
#[must_use]
pub fn judge(title: &str, answered: &[Answered], unreadable: &[ClaimError], fail_on: Severity) -> Outcome {
    let mut findings: Vec<Finding> = (answered.iter())
        .map(|answered| finding(answered, fail_on))
        .chain(unreadable.iter().map(unread))
        .collect();
    findings.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    let mut outcome = Outcome {
        findings,
        ..Outcome::new(title, None)
    };
    let counts = outcome.counts();
    outcome.verdict = match (counts.of(Status::Failed), counts.of(Status::Error)) {
        (1.., _) => Some(Verdict::Regressed),
        (0, 1..) => None,
        (0, 0) if counts.total() == 0 => None,
        (0, 0) => Some(Verdict::Pass),
    };
    let mut summary = format!("{} of {} claims hold", counts.of(Status::Passed), counts.total());
    for (status, words) in [
        (Status::Failed, "violated"),
        (Status::Warning, "violated without failing the gate"),
        (Status::Error, "could not be judged"),
    ] {
        if counts.of(status) > 0 {
            summary.push_str(&format!(", {} {words}", counts.of(status)));
        }
    }
    outcome.summary = summary;
    outcome
}

/// A claim that could not be read.
fn unread(wrong: &ClaimError) -> Finding {
    let path = wrong.path();
    let group = path.map(|path| path.display().to_string()).unwrap_or_default();
    let name = path.and_then(|path| path.file_stem());
    let name = name.map(|name| name.to_string_lossy().into_owned());
    Finding {
        location: path.map(|path| Location {
            file: path.to_owned(),
            line: wrong.line(),
        }),
        ..Finding::new(name.unwrap_or_default(), group, Status::Error).with_message(wrong.to_string())
    }
}

fn finding(answered: &Answered, fail_on: Severity) -> Finding {
    let Answered {
        claim,
        answer,
        duration,
    } = answered;
    let (status, message, details) = match answer {
        Answer::Failed(why) => (Status::Error, why.clone(), Vec::new()),
        Answer::Rows(rows) => match unknown_column(claim, rows) {
            Some(wrong) => (Status::Error, wrong, Vec::new()),
            None if rows.count == 0 => (Status::Passed, claim.about.clone(), Vec::new()),
            None if claim.severity >= fail_on => (Status::Failed, message(claim, rows), details(claim, rows)),
            None => (Status::Warning, message(claim, rows), details(claim, rows)),
        },
    };
    Finding {
        severity: claim.severity,
        message,
        details,
        location: Some(claim.location.clone()),
        duration: *duration,
        ..Finding::new(&claim.name, claim.path().display().to_string(), status)
    }
}

/// What is wrong with a message that names a column which the rows do not have. It is told even where no row violates the
/// claim: else it would come up when it matters.
fn unknown_column(claim: &Claim, rows: &Violations) -> Option<String> {
    let mut named = claim.message.iter().flat_map(|message| message.columns());
    let unknown = named.find(|column| !rows.columns.iter().any(|known| known == column))?;
    Some(format!(
        "the message names the column {unknown:?}, which the query does not return: it returns {}",
        rows.columns.join(", ")
    ))
}

/// The message of a claim, if it says something of its own about each row.
fn message_per_row(claim: &Claim) -> Option<&Message> {
    claim
        .message
        .as_ref()
        .filter(|message| message.columns().next().is_some())
}

fn message(claim: &Claim, rows: &Violations) -> String {
    let counted = match rows.count {
        1 => "1 row".to_owned(),
        count => format!("{count} rows"),
    };
    match (message_per_row(claim), rows.shown.first()) {
        (Some(message), Some(first)) => {
            let more = match rows.count {
                0 | 1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            format!("{}{more}", message.fill(rows, first))
        }
        _ => {
            let message = claim
                .message
                .as_ref()
                .map(|message| message.fill(rows, &Violation::default()));
            let message = message.unwrap_or_else(|| match claim.about.trim_end_matches('.') {
                "" => "violated".to_owned(),
                about => format!("violated: {about}"),
            });
            format!("{message} ({counted})")
        }
    }
}

/// A line for each row that is shown, and one that tells how many are not.
fn details(claim: &Claim, rows: &Violations) -> Vec<String> {
    let message = message_per_row(claim);
    let mut lines: Vec<String> = (rows.shown.iter())
        .map(|row| match message {
            Some(message) => message.fill(rows, row),
            None => rows.line(row),
        })
        .collect();
    let left = rows.count.saturating_sub(rows.shown.len());
    if left > 0 {
        lines.push(format!("... and {left} more"));
    }
    lines
}
