//! What follows from an evaluation.

use serde::Serialize;

use crate::judge::Judgement;
use crate::output::Severity;
use crate::verdict::Verdict;

/// From where on an evaluation fails. Each also fails on what those before it fail on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailFrom {
    /// Only on a critical regression.
    #[default]
    Critical,
    /// Also on a regression that is a warning.
    Warning,
    /// Also where of some metric nothing follows.
    Inconclusive,
}

impl FailFrom {
    /// Every choice, with the name that `--fail-on` takes.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("critical", Self::Critical),
        ("warning", Self::Warning),
        ("inconclusive", Self::Inconclusive),
    ];
}

/// Whether a failed evaluation ends the program with a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// It does.
    #[default]
    Enforce,
    /// It is told, and the exit code is 0: `--fail-on-regression false`.
    Tell,
}

/// What follows, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Nothing became worse.
    Passed,
    /// Something became worse on which the gate does not fail.
    PassedWithWarnings,
    /// Of some metrics nothing follows, and nothing became worse.
    Inconclusive,
    /// Something became worse on which the gate fails.
    Failed,
}

/// What follows from an evaluation: the line, the status in JSON and the exit code come from this one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// Critical regressions.
    pub critical: usize,
    /// Regressions that are warnings.
    pub warnings: usize,
    /// Regressions within the fixed thresholds.
    pub info: usize,
    /// Metrics of which nothing follows.
    pub inconclusive: usize,
    /// Metrics that became better.
    pub improved: usize,
    /// On what the gate fails.
    pub fail_on: FailFrom,
    /// Whether a failure is one of the program.
    pub enforcement: Enforcement,
}

impl Conclusion {
    pub(super) fn of(judgement: &Judgement, fail_on: FailFrom, enforcement: Enforcement) -> Self {
        Self {
            critical: judgement.count(Severity::Critical),
            warnings: judgement.count(Severity::Warning),
            info: judgement.count(Severity::Info),
            inconclusive: judgement.count_verdict(Verdict::Inconclusive),
            improved: judgement.count_verdict(Verdict::Improved),
            fail_on,
            enforcement,
        }
    }

    /// What follows, in a word.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.fails_on_a_regression() || self.inconclusive > 0 && self.fail_on >= FailFrom::Inconclusive {
            Status::Failed
        } else if self.warnings > 0 {
            Status::PassedWithWarnings
        } else if self.inconclusive > 0 {
            Status::Inconclusive
        } else {
            Status::Passed
        }
    }

    fn fails_on_a_regression(&self) -> bool {
        self.critical > 0 || self.warnings > 0 && self.fail_on >= FailFrom::Warning
    }

    /// The verdict of the gate: regressed only where it fails on that.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.status() {
            Status::Failed if self.fails_on_a_regression() => Verdict::Regressed,
            Status::Failed | Status::Inconclusive => Verdict::Inconclusive,
            Status::Passed if self.improved > 0 && self.info == 0 => Verdict::Improved,
            Status::Passed | Status::PassedWithWarnings => Verdict::Pass,
        }
    }

    /// 1 if the evaluation failed and that is to be enforced, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(self.status() == Status::Failed && self.enforcement == Enforcement::Enforce)
    }

    /// The last line of a report.
    #[must_use]
    pub fn line(&self) -> String {
        let none = if self.info > 0 {
            "No regression beyond its threshold"
        } else {
            "No regressions detected"
        };
        let mut line = match self.status() {
            Status::Passed => format!("✓ PASSED: {none}"),
            Status::PassedWithWarnings => format!("⚠ PASSED (with warnings): {} warning(s)", self.warnings),
            Status::Inconclusive => format!("? INCONCLUSIVE: {none}"),
            Status::Failed => format!(
                "✗ FAILED: {} critical regression(s), {} warning(s)",
                self.critical, self.warnings
            ),
        };
        if self.info > 0 {
            line.push_str(&format!(", {} within thresholds", self.info));
        }
        if self.inconclusive > 0 {
            line.push_str(&format!(", {} metric(s) inconclusive", self.inconclusive));
        }
        if self.status() == Status::Failed && self.enforcement == Enforcement::Tell {
            line.push_str(" (not enforced)");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conclusion(critical: usize, warnings: usize, inconclusive: usize, fail_on: FailFrom) -> Conclusion {
        Conclusion {
            critical,
            warnings,
            info: 0,
            inconclusive,
            improved: 0,
            fail_on,
            enforcement: Enforcement::Enforce,
        }
    }

    /// Every count at 0 and 1, with every choice.
    fn all() -> impl Iterator<Item = Conclusion> {
        let choices = FailFrom::NAMES.into_iter().flat_map(|(_, fail_on)| {
            [Enforcement::Enforce, Enforcement::Tell].map(|enforcement| (fail_on, enforcement))
        });
        choices.flat_map(|(fail_on, enforcement)| {
            (0..32_usize).map(move |bits| {
                let count = |bit: usize| bits >> bit & 1;
                Conclusion {
                    info: count(3),
                    improved: count(4),
                    enforcement,
                    ..conclusion(count(0), count(1), count(2), fail_on)
                }
            })
        })
    }

    #[test]
    fn the_line_the_verdict_and_the_exit_code_never_differ() {
        for found in all() {
            let line = found.line();
            let failed = line.starts_with("✗ FAILED");
            let is_enforced = found.enforcement == Enforcement::Enforce;
            assert_eq!(found.exit_code(), u8::from(failed && is_enforced), "{found:?}");
            assert_eq!(
                line.ends_with(" (not enforced)"),
                failed && !is_enforced,
                "{line}"
            );
            assert_eq!(line.contains("within thresholds"), found.info > 0, "{line}");
            // A line that tells of regressions never says that there are none.
            let any = found.critical + found.warnings + found.info > 0;
            assert!(!(any && line.contains("No regressions")), "{line}");
            let verdict = found.verdict();
            assert!(verdict != Verdict::Regressed || failed, "{found:?}");
            assert!(!failed || matches!(verdict, Verdict::Regressed | Verdict::Inconclusive));
            assert_eq!(
                verdict == Verdict::Inconclusive,
                line.starts_with('?') || failed && !found.fails_on_a_regression(),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_gate_fails_on_what_it_is_told_to() {
        let code = |critical, warnings, inconclusive, fail_on| {
            conclusion(critical, warnings, inconclusive, fail_on).exit_code()
        };
        assert_eq!(code(0, 1, 1, FailFrom::Critical), 0);
        assert_eq!(code(1, 0, 0, FailFrom::Critical), 1);
        assert_eq!(code(0, 1, 0, FailFrom::Warning), 1);
        assert_eq!(code(0, 0, 1, FailFrom::Warning), 0);
        assert_eq!(code(0, 0, 1, FailFrom::Inconclusive), 1);
    }

    #[test]
    fn lines_are_those_that_scripts_know() {
        assert_eq!(
            conclusion(0, 0, 0, FailFrom::Critical).line(),
            "✓ PASSED: No regressions detected"
        );
        assert_eq!(
            conclusion(0, 2, 0, FailFrom::Critical).line(),
            "⚠ PASSED (with warnings): 2 warning(s)"
        );
        assert_eq!(
            conclusion(1, 2, 0, FailFrom::Critical).line(),
            "✗ FAILED: 1 critical regression(s), 2 warning(s)"
        );
        let told = Conclusion {
            enforcement: Enforcement::Tell,
            ..conclusion(1, 0, 1, FailFrom::Critical)
        };
        assert_eq!(told.exit_code(), 0);
        assert_eq!(
            told.line(),
            "✗ FAILED: 1 critical regression(s), 0 warning(s), 1 metric(s) inconclusive (not enforced)"
        );
    }
}
