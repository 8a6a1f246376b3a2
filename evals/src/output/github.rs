//! An outcome for GitHub Actions: annotations, and the summary of a step.
//!
//! The form of workflow commands and their limits are those of "Workflow commands for GitHub Actions" in GitHub's
//! documentation; the escaping is that of its toolkit: `%`, CR and LF everywhere, in properties also `:` and `,`. GitHub shows
//! ten errors and ten warnings of a step as annotations, all of them in its log, and a summary of at most 1 MiB.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Component, MAIN_SEPARATOR, Path, PathBuf};

use super::escape::visible;
use super::finding::{Finding, Location, Severity, Status};
use super::markdown::to_markdown;
use super::outcome::Outcome;

/// Most bytes of the summary of a step.
const SUMMARY_BYTES_MAX: u64 = 1024 * 1024;

/// What is written in the place of what does not fit.
const CUT: &str = "\n\n*The rest does not fit into a step summary; see the log of the step.*\n";

/// The GitHub Actions that a program runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitHub {
    /// The root of the repository: annotations name files from there.
    workspace: Option<PathBuf>,
    /// The folder from which the user names files.
    current_dir: Option<PathBuf>,
    /// The file that takes the summary of the step.
    summary: Option<PathBuf>,
}

impl GitHub {
    /// The GitHub Actions of an environment, if `GITHUB_ACTIONS` is `true` in it. `variable` gives the value of a
    /// variable, as [`std::env::var_os`] does; `current_dir` is the folder from which findings name files.
    pub fn detect(variable: impl Fn(&str) -> Option<OsString>, current_dir: Option<PathBuf>) -> Option<Self> {
        let path = |name| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        (variable("GITHUB_ACTIONS")? == "true").then(|| Self {
            workspace: path("GITHUB_WORKSPACE"),
            current_dir,
            summary: path("GITHUB_STEP_SUMMARY"),
        })
    }

    /// Annotations, a line each: errors for what fails the gate or could not be judged, warnings for warnings and for what
    /// failed in a gate that passes, notices for warnings of severity info. Nothing for what passed. They are commands
    /// when they stand in the output of a step.
    #[must_use]
    pub fn annotations(&self, outcome: &Outcome) -> String {
        let mut out = String::new();
        for finding in outcome.findings.iter().chain(&outcome.unexplained()) {
            let command = match finding.status {
                _ if outcome.is_failing(finding) => "error",
                Status::Error => "error",
                Status::Warning if finding.severity == Severity::Info => "notice",
                Status::Warning | Status::Failed => "warning",
                Status::Passed | Status::Skipped | Status::Inconclusive => continue,
            };
            out.push_str(&self.annotation(command, finding));
        }
        out
    }

    fn annotation(&self, command: &str, finding: &Finding) -> String {
        let mut properties = Vec::new();
        if let Some(Location { file, line }) = &finding.location {
            properties.push(format!("file={}", property(&self.in_repository(file))));
            properties.extend(line.map(|line| format!("line={line}")));
        }
        properties.push(format!("title={}", property(&finding.name)));
        let mut text = if finding.message.is_empty() {
            finding.status.to_string()
        } else {
            finding.message.clone()
        };
        for detail in &finding.details {
            text.push('\n');
            text.push_str(detail);
        }
        format!("::{command} {}::{}\n", properties.join(","), data(&text))
    }

    /// A file as the repository names it, with `/` between folders.
    fn in_repository(&self, file: &Path) -> String {
        let absolute = match &self.current_dir {
            Some(folder) => folder.join(file),
            None => file.to_owned(),
        };
        let named = self
            .workspace
            .as_ref()
            .and_then(|root| absolute.strip_prefix(root).ok())
            .unwrap_or(file);
        let parts: Vec<_> = (named.components())
            .filter(|part| *part != Component::CurDir)
            .collect();
        parts
            .iter()
            .collect::<PathBuf>()
            .display()
            .to_string()
            .replace(MAIN_SEPARATOR, "/")
    }

    /// Appends an outcome to the summary of the step, if the environment names a file for it. What goes beyond GitHub's
    /// 1 MiB is cut, since GitHub would refuse the whole.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_summary(&self, outcome: &Outcome) -> io::Result<()> {
        let Some(path) = &self.summary else {
            return Ok(());
        };
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let taken = file.metadata()?.len();
        file.write_all(cut(to_markdown(outcome), SUMMARY_BYTES_MAX.saturating_sub(taken)).as_bytes())
    }
}

/// A text of at most so many bytes, cut at the end of a line.
fn cut(mut text: String, bytes_max: u64) -> String {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    if text.len() <= bytes_max {
        return text;
    }
    let Some(bytes) = bytes_max.checked_sub(CUT.len()) else {
        return String::new();
    };
    let end = text.as_bytes()[..bytes]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap_or(0);
    text.truncate(end);
    text.push_str(CUT);
    text
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(visible).collect();
    lines
        .join("\n")
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use crate::verdict::Verdict;

    fn detect(variables: &[(&str, &str)], current_dir: Option<&str>) -> Option<GitHub> {
        let variable = |name: &str| {
            (variables.iter())
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        GitHub::detect(variable, current_dir.map(PathBuf::from))
    }

    #[test]
    fn it_is_there_only_when_the_environment_says_so() {
        assert_eq!(detect(&[], None), None);
        assert_eq!(detect(&[("GITHUB_ACTIONS", "false")], None), None);
        assert_eq!(detect(&[("GITHUB_STEP_SUMMARY", "/tmp/s")], None), None);
        assert!(detect(&[("GITHUB_ACTIONS", "true")], None).is_some());
    }

    #[test]
    fn what_failed_or_warned_is_annotated_at_its_line() {
        let expected = "\
::error file=checks/every_run_ends.sql,line=7,title=every_run_ends::3 runs never ended: 100%25 <of> \"a|b\" & c, d%0A\
thread_id = a, status = running%0Atwo%0Alines ]]> \\u{1b}[31m\\u{0}\\u{ffff}
::warning file=checks/tools%3Aall%2Cnew.sql,line=4,title=tool_success::search fails too often
::error file=checks/no_gaps.sql,title=no_gaps::no column \"missin\"%0Aperhaps \"missing\"
";
        let github = detect(&[("GITHUB_ACTIONS", "true")], None).unwrap();
        assert_eq!(github.annotations(&sample::outcome()), expected);
    }

    #[test]
    fn a_warning_that_matters_little_is_a_notice() {
        let mut outcome = sample::outcome();
        outcome.findings[1].severity = Severity::Info;
        let text = GitHub::default().annotations(&outcome);
        assert!(text.contains("\n::notice file=checks/tools"), "{text}");
    }

    #[test]
    fn no_text_can_begin_a_command_of_its_own() {
        let mut outcome = sample::outcome();
        outcome.findings[0].message = "x\r\n::set-env name=a::b".to_owned();
        outcome.findings[0].name = "a\n::stop-commands::x".to_owned();
        let text = GitHub::default().annotations(&outcome);
        assert!(
            text.lines()
                .all(|line| line.starts_with("::error file=") || line.starts_with("::warning file=")),
            "{text}"
        );
    }

    #[test]
    fn files_are_named_from_the_root_of_the_repository() {
        let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_WORKSPACE", "/home/r/repo")];
        let named = |current_dir: &str, file: &str| {
            detect(&variables, Some(current_dir))
                .unwrap()
                .in_repository(Path::new(file))
        };
        assert_eq!(named("/home/r/repo", "checks/a.sql"), "checks/a.sql");
        assert_eq!(
            named("/home/r/repo/agents", "./checks/a.sql"),
            "agents/checks/a.sql"
        );
        assert_eq!(named("/tmp", "/home/r/repo/a.sql"), "a.sql");
        assert_eq!(named("/home/r/repo", "/etc/a.sql"), "/etc/a.sql");
    }

    #[test]
    fn a_gate_that_fails_without_a_finding_is_annotated_as_well() {
        let text = GitHub::default().annotations(&Outcome::new("gate", None));
        assert_eq!(text, "::error title=verdict::NOT JUDGED\n");
        let passed = Outcome::new("gate", Some(Verdict::Pass));
        assert_eq!(GitHub::default().annotations(&passed), "");
    }

    #[test]
    fn the_summary_is_appended_and_cut_to_what_github_takes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_STEP_SUMMARY", path.to_str().unwrap()),
        ];
        let github = detect(&variables, None).unwrap();
        let mut outcome = sample::outcome();
        github.write_summary(&outcome).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        assert_eq!(first, to_markdown(&outcome));
        outcome.findings[0].details = vec!["a detail".to_owned(); 200_000];
        github.write_summary(&outcome).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&first) && text.ends_with(CUT));
        let bytes = u64::try_from(text.len()).unwrap();
        assert!(
            (SUMMARY_BYTES_MAX - 100..=SUMMARY_BYTES_MAX).contains(&bytes),
            "{bytes}"
        );
        github.write_summary(&outcome).unwrap();
        assert!(
            std::fs::metadata(&path).unwrap().len() <= SUMMARY_BYTES_MAX,
            "there is no room left"
        );
    }

    #[test]
    fn without_a_file_for_the_summary_nothing_is_written() {
        let github = detect(&[("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "")], None).unwrap();
        assert_eq!(github.summary, None);
        github.write_summary(&sample::outcome()).unwrap();
    }
}
