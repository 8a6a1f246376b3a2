//! How a command fails: one line on standard error and an exit code.

use std::fmt;
use std::io::{self, Write};

use anyhow::Error;

use crate::escape;

/// Exit codes, as every command keeps them.
pub mod code {
    /// Done.
    pub const DONE: u8 = 0;
    /// A runtime error; for a gate: it judged and the answer is no.
    pub const FAILED: u8 = 1;
    /// The command line asks for something that does not exist.
    pub const USAGE: u8 = 2;
    /// A gate could not judge.
    pub const NOT_JUDGED: u8 = 3;
}

/// The command line is well formed but asks for something that cannot be.
#[derive(Debug)]
pub struct UsageError(
    /// What is wrong with it, and what to do.
    pub String,
);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// A gate judged, and the answer is no.
#[derive(Debug)]
pub struct Judged(
    /// What was judged.
    pub String,
);

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Judged {}

/// A gate could not judge.
#[derive(Debug)]
pub struct CannotJudge(
    /// Why not.
    pub Error,
);

impl fmt::Display for CannotJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for CannotJudge {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// The data is less complete than the user wants to be answered from.
#[derive(Debug)]
pub struct IncompleteError {
    /// The account of what is there.
    pub found: String,
    /// The least share that was asked for.
    pub bound: f64,
}

impl fmt::Display for IncompleteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, bound } = self;
        write!(
            f,
            "the data is less complete than {} %: {found}; see `quipu report completeness`, or answer all the same with \
             --incomplete mark",
            bound * 100.0
        )
    }
}

impl std::error::Error for IncompleteError {}

/// Rows could not be written to standard output.
#[derive(Debug)]
pub struct OutputError(
    /// What the system says.
    pub io::Error,
);

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to standard output: {}", self.0)
    }
}

impl std::error::Error for OutputError {}

impl OutputError {
    /// Whether the reader of our output has left, as `head` does.
    fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Tells an error on standard error and returns the exit code for it. A closed pipe is a quiet end.
pub fn report(error: &Error, verbose: bool) -> u8 {
    if error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<OutputError>())
        .any(OutputError::is_closed_pipe)
    {
        return code::DONE;
    }
    // Standard error may be closed as well; then there is nobody to tell.
    let _ = io::stderr().lock().write_all(text(error, verbose).as_bytes());
    if error.is::<UsageError>() {
        code::USAGE
    } else if error.is::<CannotJudge>() {
        code::NOT_JUDGED
    } else {
        code::FAILED
    }
}

/// One line for the error, and one for each of its causes if asked for.
pub fn text(error: &Error, verbose: bool) -> String {
    let mut text = format!("error: {}\n", one_line(&error.to_string()));
    if verbose {
        for cause in error.chain().skip(1) {
            text.push_str(&format!("  caused by: {}\n", one_line(&cause.to_string())));
        }
    }
    text
}

/// A message on one line, with nothing in it that could steer a terminal: errors quote data.
pub fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    escape::visible(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_error_is_one_line_and_harmless() {
        assert_eq!(
            text(&anyhow!("bad value\n  \u{1b}[2J here"), false),
            "error: bad value \\u001b[2J here\n"
        );
    }

    #[test]
    fn causes_are_told_only_when_asked_for() {
        let error = anyhow!("disk is full")
            .context("cannot commit")
            .context("ingest stopped");
        assert_eq!(text(&error, false), "error: ingest stopped\n");
        assert_eq!(
            text(&error, true),
            "error: ingest stopped\n  caused by: cannot commit\n  caused by: disk is full\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure_but_a_full_disk_is() {
        let output = |kind: io::ErrorKind| Error::new(OutputError(kind.into())).context("select 1");
        assert_eq!(report(&output(io::ErrorKind::BrokenPipe), false), code::DONE);
        assert_eq!(report(&output(io::ErrorKind::StorageFull), false), code::FAILED);
    }

    #[test]
    fn a_closed_connection_is_a_failure() {
        let error = Error::new(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot reach the broker");
        assert_eq!(report(&error, false), code::FAILED);
    }
}
