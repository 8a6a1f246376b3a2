//! An outcome as JSON, for programs.

use serde::Serialize;
use serde_json::Value;

use super::finding::{Finding, Status};
use super::outcome::Outcome;

#[derive(Serialize)]
struct OutcomeJson<'a> {
    title: &'a str,
    result: &'static str,
    verdict: Option<&'static str>,
    exit_code: u8,
    summary: &'a str,
    counts: CountsJson,
    findings: Vec<FindingJson<'a>>,
    notes: &'a [String],
    properties: Vec<PropertyJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a Value>,
}

#[derive(Serialize)]
struct CountsJson {
    total: usize,
    passed: usize,
    skipped: usize,
    inconclusive: usize,
    warning: usize,
    failed: usize,
    error: usize,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    name: &'a str,
    group: &'a str,
    status: &'static str,
    severity: &'static str,
    message: &'a str,
    details: &'a [String],
    file: Option<String>,
    line: Option<usize>,
    duration_ms: Option<f64>,
}

#[derive(Serialize)]
struct PropertyJson<'a> {
    name: &'a str,
    value: &'a str,
}

/// An outcome as one JSON object, indented by two spaces. All keys are always there, in one order: `title`, `result` (passed,
/// inconclusive, failed or not judged), `verdict` (null if not judged), `exit_code`, `summary`, `counts` (by status), `findings`,
/// `notes`, `properties`; `document`, where a gate tells the numbers behind its findings (`quipu eval compare`: a
/// [`ComparisonDocument`](crate::judge::ComparisonDocument)). A finding has `name`, `group`, `status`, `severity`, `message`, `details`, `file`, `line` and
/// `duration_ms`, the last three null where not known.
#[must_use]
pub fn to_json(outcome: &Outcome) -> String {
    let counts = outcome.counts();
    let json = OutcomeJson {
        title: &outcome.title,
        result: outcome.word(),
        verdict: outcome.verdict.map(|verdict| verdict.as_str()),
        exit_code: outcome.exit_code(),
        summary: &outcome.summary,
        counts: CountsJson {
            total: counts.total(),
            passed: counts.of(Status::Passed),
            skipped: counts.of(Status::Skipped),
            inconclusive: counts.of(Status::Inconclusive),
            warning: counts.of(Status::Warning),
            failed: counts.of(Status::Failed),
            error: counts.of(Status::Error),
        },
        findings: outcome.findings.iter().map(finding).collect(),
        notes: &outcome.notes,
        properties: (outcome.properties.iter())
            .map(|(name, value)| PropertyJson { name, value })
            .collect(),
        document: outcome.document.as_ref(),
    };
    // Structs of texts and numbers: nothing in them that could not be written.
    let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
    text.push('\n');
    text
}

fn finding(finding: &Finding) -> FindingJson<'_> {
    let location = finding.location.as_ref();
    FindingJson {
        name: &finding.name,
        group: &finding.group,
        status: finding.status.as_str(),
        severity: finding.severity.as_str(),
        message: &finding.message,
        details: &finding.details,
        file: location.map(|location| location.file.display().to_string()),
        line: location.and_then(|location| location.line),
        duration_ms: finding.duration.map(|duration| duration.as_secs_f64() * 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::output::sample;

    #[test]
    fn all_keys_are_there_in_one_order() {
        let text = to_json(&sample::outcome());
        let keys = [
            "title",
            "result",
            "verdict",
            "exit_code",
            "summary",
            "counts",
            "findings",
            "notes",
            "properties",
        ];
        let places: Vec<usize> = (keys.iter())
            .map(|key| text.find(&format!("\n  \"{key}\":")).unwrap())
            .collect();
        assert!(places.is_sorted(), "{text}");
        let keys = [
            "name",
            "group",
            "status",
            "severity",
            "message",
            "details",
            "file",
            "line",
            "duration_ms",
        ];
        for finding in text.split("    {\n").skip(1).take(6) {
            let places: Vec<usize> = (keys.iter())
                .map(|key| finding.find(&format!("      \"{key}\":")).unwrap())
                .collect();
            assert!(places.is_sorted(), "{finding}");
        }
    }

    #[test]
    fn the_object_says_what_the_outcome_does() {
        let outcome = sample::outcome();
        let json: Value = serde_json::from_str(&to_json(&outcome)).unwrap();
        assert_eq!(json["result"], "failed");
        assert_eq!(json["verdict"], "regressed");
        assert_eq!(json["exit_code"], 1);
        assert_eq!(json["counts"]["total"], 6);
        assert_eq!(json["counts"]["error"], 1);
        let first = &json["findings"][0];
        assert_eq!(first["message"], outcome.findings[0].message.as_str());
        assert_eq!(first["details"][1], outcome.findings[0].details[1].as_str());
        assert_eq!(first["line"], 7);
        assert_eq!(first["duration_ms"], 12.345);
        assert_eq!(json["findings"][2]["line"], Value::Null);
        assert_eq!(
            json["properties"],
            json!([{"name": "store", "value": "quipu-store"}])
        );
        let not_judged: Value = serde_json::from_str(&to_json(&Outcome::new("gate", None))).unwrap();
        assert_eq!(not_judged["verdict"], Value::Null);
        assert_eq!(not_judged["exit_code"], 3);
    }
}
