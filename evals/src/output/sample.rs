//! An outcome with a finding of each kind, and with text that every format must escape in its own way.

use std::path::PathBuf;
use std::time::Duration;

use super::{Finding, Location, Outcome, Severity, Status};
use crate::verdict::Verdict;

pub(super) fn outcome() -> Outcome {
    let at = |file: &str, line| {
        Some(Location {
            file: PathBuf::from(file),
            line,
        })
    };
    let failed = Finding {
        message: "3 runs never ended: 100% <of> \"a|b\" & c, d".to_owned(),
        details: vec![
            "thread_id = a, status = running".to_owned(),
            "two\nlines ]]> \u{1b}[31m\u{0}\u{ffff}".to_owned(),
        ],
        location: at("checks/every_run_ends.sql", Some(7)),
        duration: Some(Duration::from_micros(12_345)),
        ..Finding::new("every_run_ends", "checks/every_run_ends.sql", Status::Failed)
    };
    let warned = Finding {
        severity: Severity::Warning,
        message: "search fails too often".to_owned(),
        location: at("checks/tools:all,new.sql", Some(4)),
        duration: Some(Duration::from_millis(1_500)),
        ..Finding::new("tool_success", "checks/tools:all,new.sql", Status::Warning)
    };
    let broken = Finding {
        message: "no column \"missin\"\nperhaps \"missing\"".to_owned(),
        location: at("checks/no_gaps.sql", None),
        ..Finding::new("no_gaps", "checks/no_gaps.sql", Status::Error)
    };
    Outcome {
        findings: vec![
            failed,
            warned,
            broken,
            Finding::new("p95_latency", "checks/slow.sql", Status::Inconclusive)
                .with_message("4 runs, 5 needed"),
            Finding::new("no_errors", "checks/slow.sql", Status::Passed),
            Finding::new("cost", "checks/slow.sql", Status::Skipped).with_message("not tagged ci"),
        ],
        notes: vec!["completeness: 99.9 %".to_owned()],
        summary: "1 of 6 claims is violated".to_owned(),
        properties: vec![("store".to_owned(), "quipu-store".to_owned())],
        ..Outcome::new("checks", Some(Verdict::Regressed))
    }
}
