//! JUnit XML is valid by a schema, as a validator says that shares no code with what wrote it: libxml2, by Python's lxml.
//!
//! Where Python does not have it (`tests/engines/requirements.txt`) the test says so and passes, unless
//! `QUIPU_REQUIRE_ENGINES` is set.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that says what it skips, and why it cannot go on"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use quipu_evals::output::{Finding, Location, Outcome, Severity, Status, to_junit};
use quipu_evals::{FailOn, Verdict};

/// What is wrong with each of some documents; none where no validator can be had.
fn validate(documents: &[(String, String)]) -> Option<BTreeMap<String, Option<String>>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (documents.iter())
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let output = Command::new("python3")
        .arg(tests.join("engines/validate_xml.py"))
        .arg(tests.join("fixtures/junit.xsd"))
        .args(&files)
        .output();
    let told = match output {
        Ok(output) if output.status.success() => output.stdout,
        failed => {
            let why = failed.map_or_else(
                |error| error.to_string(),
                |output| String::from_utf8_lossy(&output.stderr).into_owned(),
            );
            let absent = why.contains("ModuleNotFoundError") || why.contains("No such file");
            assert!(
                absent && std::env::var_os("QUIPU_REQUIRE_ENGINES").is_none(),
                "validate_xml.py: {why}"
            );
            eprintln!("skipped: python3 has no lxml (tests/engines/requirements.txt)");
            return None;
        }
    };
    let told: BTreeMap<PathBuf, Option<String>> = serde_json::from_slice(&told).unwrap();
    Some(
        told.into_iter()
            .map(|(path, wrong)| (path.file_name().unwrap().to_string_lossy().into_owned(), wrong))
            .collect(),
    )
}

/// Every character that XML 1.0 does not know, and what means something in it.
fn hostile() -> String {
    let mut text: String = (0..=0x20).filter_map(char::from_u32).collect();
    text.push_str("\u{7f}\u{85}\u{fffe}\u{ffff}\u{10ffff}]]><&>\"'<![CDATA[&#0;&amp; 漢 🦀");
    text
}

fn outcome(verdict: Option<Verdict>, fail_on: FailOn) -> Outcome {
    let findings = Status::ALL.into_iter().zip(Severity::ALL.into_iter().cycle());
    let findings = findings.map(|(status, severity)| Finding {
        severity,
        message: hostile(),
        details: vec![hostile(), String::new(), "more".to_owned()],
        location: Some(Location {
            file: PathBuf::from(hostile()),
            line: Some(7),
        }),
        duration: Some(Duration::from_micros(1_234_567_890)),
        ..Finding::new(hostile(), hostile(), status)
    });
    Outcome {
        fail_on,
        findings: findings.collect(),
        notes: vec![hostile()],
        summary: hostile(),
        properties: vec![(hostile(), hostile())],
        ..Outcome::new(hostile(), verdict)
    }
}

#[test]
fn every_outcome_is_valid_junit_xml_whatever_stands_in_it() {
    let verdicts = [
        None,
        Some(Verdict::Pass),
        Some(Verdict::Inconclusive),
        Some(Verdict::Regressed),
    ];
    let mut documents = Vec::new();
    for (at, verdict) in verdicts.into_iter().enumerate() {
        for fail_on in [FailOn::Regressed, FailOn::Inconclusive] {
            let full = to_junit(&outcome(verdict, fail_on));
            let bare = to_junit(&Outcome {
                fail_on,
                ..Outcome::new("", verdict)
            });
            documents.push((format!("full-{at}-{fail_on:?}.xml"), full));
            documents.push((format!("bare-{at}-{fail_on:?}.xml"), bare));
        }
    }
    let Some(found) = validate(&documents) else {
        return;
    };
    assert_eq!(found.len(), documents.len());
    for (name, wrong) in found {
        assert_eq!(wrong, None, "{name}");
    }
}

#[test]
fn the_validator_refuses_what_the_schema_does_not_know() {
    let good = to_junit(&outcome(Some(Verdict::Regressed), FailOn::Regressed));
    let broken = [
        ("no_name.xml", "<testcase name=", "<testcase title="),
        ("unknown_element.xml", "<system-out>", "<stdout/><system-out>"),
        ("no_count.xml", " errors=\"1\"", ""),
        ("unknown_attribute.xml", "<testcase ", "<testcase line=\"7\" "),
        ("control_character.xml", "\\u{1b}", "\u{1b}"),
    ];
    let documents: Vec<(String, String)> = (broken.into_iter())
        .map(|(name, from, to)| {
            assert!(good.contains(from), "{name}: {good}");
            (name.to_owned(), good.replace(from, to))
        })
        .collect();
    let Some(found) = validate(&documents) else {
        return;
    };
    assert_eq!(found.len(), documents.len());
    for (name, wrong) in found {
        assert!(wrong.is_some(), "{name} was taken as valid");
    }
}
