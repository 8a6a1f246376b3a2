//! An outcome as JUnit XML, which CI servers read.
//!
//! JUnit itself never fixed the format. The strictest reader in wide use is Jenkins' xUnit plugin; its schema `junit-10.xsd`
//! is what is kept to here. It knows no `skipped` of `testsuites`, no `file` and `line` of `testcase`, and `properties` only
//! of suites, so a place is told in the text of a failure and a warning in `system-out`.

use std::io;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::escape::{one_line, visible};
use super::finding::{Finding, Status};
use super::outcome::Outcome;

/// An outcome as JUnit XML: one suite, a test case for each finding. What makes the gate fail is a `failure`, what could not be
/// judged an `error`, what was left out or is inconclusive without failing the gate is `skipped`; a warning passes and is
/// told in `system-out`. Where the gate fails or could not judge and no finding says why, the verdict is a case of its own.
#[must_use]
pub fn to_junit(outcome: &Outcome) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory does not fail.
    let _ = write_outcome(&mut writer, outcome);
    let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    text.push('\n');
    text
}

/// What a test case is to a reader of JUnit XML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passed,
    Failure,
    Error,
    Skipped,
}

impl Kind {
    fn of(outcome: &Outcome, finding: &Finding) -> Self {
        match finding.status {
            _ if outcome.is_failing(finding) => Self::Failure,
            Status::Error => Self::Error,
            Status::Skipped | Status::Inconclusive => Self::Skipped,
            // What failed in a gate that passes is told as a warning is.
            Status::Passed | Status::Warning | Status::Failed => Self::Passed,
        }
    }
}

fn write_outcome(writer: &mut Writer<Vec<u8>>, outcome: &Outcome) -> io::Result<()> {
    let verdict = outcome.unexplained();
    let findings = || outcome.findings.iter().chain(&verdict);
    let count = |kind| {
        (findings()
            .filter(|finding| Kind::of(outcome, finding) == kind)
            .count())
        .to_string()
    };
    let (failures, errors) = (count(Kind::Failure), count(Kind::Error));
    let tests = findings().count().to_string();
    let title = attribute(&outcome.title);
    // What was not measured is not said, rather than 0.
    let times = || findings().filter_map(|finding| finding.duration);
    let time = times().next().map(|_| seconds(times().sum::<Duration>()));
    let shared = [
        ("name", title.as_str()),
        ("tests", tests.as_str()),
        ("failures", failures.as_str()),
        ("errors", errors.as_str()),
    ];
    let shared = || {
        shared
            .into_iter()
            .chain(time.as_deref().map(|time| ("time", time)))
    };
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .with_attributes(shared())
        .write_inner_content(|writer| {
            writer
                .create_element("testsuite")
                .with_attributes(shared())
                .with_attribute(("skipped", count(Kind::Skipped).as_str()))
                .write_inner_content(|writer| {
                    write_properties(writer, outcome)?;
                    for finding in findings() {
                        write_case(writer, finding, Kind::of(outcome, finding))?;
                    }
                    let mut lines: Vec<String> = outcome.notes.iter().map(|note| one_line(note)).collect();
                    lines.push(one_line(&outcome.verdict_line()));
                    write_text(writer, "system-out", &lines.join("\n"))
                })?;
            Ok(())
        })?;
    Ok(())
}

fn write_properties(writer: &mut Writer<Vec<u8>>, outcome: &Outcome) -> io::Result<()> {
    if outcome.properties.is_empty() {
        return Ok(());
    }
    writer
        .create_element("properties")
        .write_inner_content(|writer| {
            for (name, value) in &outcome.properties {
                writer
                    .create_element("property")
                    .with_attribute(("name", attribute(name).as_str()))
                    .with_attribute(("value", attribute(value).as_str()))
                    .write_empty()?;
            }
            Ok(())
        })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, finding: &Finding, kind: Kind) -> io::Result<()> {
    let (name, class) = (attribute(&finding.name), attribute(&finding.group));
    let mut case = writer
        .create_element("testcase")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("classname", class.as_str()));
    if let Some(duration) = finding.duration {
        case = case.with_attribute(("time", seconds(duration).as_str()));
    }
    let message = attribute(&finding.message);
    let element = match kind {
        Kind::Failure => "failure",
        Kind::Error => "error",
        Kind::Skipped => "skipped",
        Kind::Passed if finding.status == Status::Passed => {
            case.write_empty()?;
            return Ok(());
        }
        Kind::Passed => {
            let text = format!("{}: {message}\n{}", finding.status, body(finding));
            case.write_inner_content(|writer| write_text(writer, "system-out", text.trim_end()))?;
            return Ok(());
        }
    };
    case.write_inner_content(|writer| {
        writer
            .create_element(element)
            .with_attribute(("message", message.as_str()))
            .with_attribute(("type", finding.severity.as_str()))
            .write_text_content(BytesText::new(&body(finding)))?;
        Ok(())
    })?;
    Ok(())
}

/// The details of a finding and where it is written.
fn body(finding: &Finding) -> String {
    let place = finding.location.as_ref().map(|location| format!("at {location}"));
    let lines: Vec<String> = (finding.details.iter())
        .chain(&place)
        .flat_map(|detail| detail.lines())
        .map(visible)
        .collect();
    lines.join("\n")
}

fn write_text(writer: &mut Writer<Vec<u8>>, element: &str, text: &str) -> io::Result<()> {
    writer
        .create_element(element)
        .write_text_content(BytesText::new(text))?;
    Ok(())
}

/// A text for an attribute: a parser makes blanks of line feeds there.
fn attribute(text: &str) -> String {
    one_line(text)
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use crate::verdict::{FailOn, Verdict};

    #[test]
    fn each_finding_is_a_test_case() {
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="checks" tests="6" failures="1" errors="1" time="1.512">
  <testsuite name="checks" tests="6" failures="1" errors="1" time="1.512" skipped="2">
    <properties>
      <property name="store" value="quipu-store"/>
    </properties>
    <testcase name="every_run_ends" classname="checks/every_run_ends.sql" time="0.012">
      <failure message="3 runs never ended: 100% &lt;of&gt; &quot;a|b&quot; &amp; c, d" type="critical">thread_id = a, status = running
two
lines ]]&gt; \u{1b}[31m\u{0}\u{ffff}
at checks/every_run_ends.sql:7</failure>
    </testcase>
    <testcase name="tool_success" classname="checks/tools:all,new.sql" time="1.500">
      <system-out>warning: search fails too often
at checks/tools:all,new.sql:4</system-out>
    </testcase>
    <testcase name="no_gaps" classname="checks/no_gaps.sql">
      <error message="no column &quot;missin&quot; perhaps &quot;missing&quot;" type="critical">at checks/no_gaps.sql</error>
    </testcase>
    <testcase name="p95_latency" classname="checks/slow.sql">
      <skipped message="4 runs, 5 needed" type="critical"></skipped>
    </testcase>
    <testcase name="no_errors" classname="checks/slow.sql"/>
    <testcase name="cost" classname="checks/slow.sql">
      <skipped message="not tagged ci" type="critical"></skipped>
    </testcase>
    <system-out>completeness: 99.9 %
FAILED: 1 of 6 claims is violated</system-out>
  </testsuite>
</testsuites>
"#;
        assert_eq!(to_junit(&sample::outcome()), expected);
    }

    #[test]
    fn what_is_inconclusive_is_a_failure_where_the_gate_fails_on_it() {
        let outcome = Outcome {
            fail_on: FailOn::Inconclusive,
            findings: vec![Finding::new("p95", "metrics", Status::Inconclusive)],
            ..Outcome::new("metrics", Some(Verdict::Inconclusive))
        };
        assert!(to_junit(&outcome).contains("<failure"));
        let outcome = Outcome {
            fail_on: FailOn::Regressed,
            ..outcome
        };
        assert!(to_junit(&outcome).contains("<skipped"));
    }

    #[test]
    fn what_was_not_measured_has_no_time() {
        let outcome = Outcome {
            findings: vec![Finding::new("p95", "metrics", Status::Passed)],
            ..Outcome::new("metrics", Some(Verdict::Pass))
        };
        assert!(!to_junit(&outcome).contains("time="));
    }

    #[test]
    fn a_gate_that_passes_has_no_failure_whatever_its_findings_say() {
        let outcome = Outcome {
            findings: vec![Finding::new("p95", "metrics", Status::Failed).with_message("slower")],
            ..Outcome::new("metrics", Some(Verdict::Pass))
        };
        let text = to_junit(&outcome);
        assert!(!text.contains("<failure"), "{text}");
        assert!(text.contains("<system-out>failed: slower</system-out>"), "{text}");
    }

    #[test]
    fn a_gate_that_fails_is_never_all_green() {
        let failed = to_junit(&Outcome::new("gate", Some(Verdict::Regressed)));
        assert!(
            failed.contains("tests=\"1\" failures=\"1\" errors=\"0\""),
            "{failed}"
        );
        let not_judged = to_junit(&Outcome::new("gate", None));
        assert!(
            not_judged.contains("tests=\"1\" failures=\"0\" errors=\"1\""),
            "{not_judged}"
        );
        let passed = to_junit(&Outcome::new("gate", Some(Verdict::Pass)));
        assert!(
            passed.contains("tests=\"0\" failures=\"0\" errors=\"0\""),
            "{passed}"
        );
    }
}
