//! A command line to be measured.

use std::fmt;
use std::process;

use serde::{Deserialize, Serialize};

use super::error::BenchError;

/// A program and its arguments.
///
/// No shell stands between: starting one would take longer than many a command, and would be measured. Who needs a shell
/// runs it: `sh -c 'a | b'`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct CommandLine {
    words: Vec<String>,
}

impl CommandLine {
    /// The command of words that are taken apart already; the first is the program.
    ///
    /// # Errors
    /// [`BenchError::CommandLine`] without a program.
    pub fn new(words: Vec<String>) -> Result<Self, BenchError> {
        match words.first() {
            Some(program) if !program.is_empty() => Ok(Self { words }),
            _ => Err(BenchError::CommandLine {
                text: shell_words::join(&words),
                wrong: "it names no program".to_owned(),
            }),
        }
    }

    /// Takes a text apart by the rules of a POSIX shell for quotes and backslashes. Nothing else of a shell is there: `$`, `|`
    /// and `*` are letters, so that a command given in this way is started just as one that is given in words.
    ///
    /// # Errors
    /// [`BenchError::CommandLine`] for a quote that never ends, and without a program.
    pub fn split(text: &str) -> Result<Self, BenchError> {
        let words = shell_words::split(text).map_err(|wrong| BenchError::CommandLine {
            text: text.to_owned(),
            wrong: wrong.to_string(),
        })?;
        Self::new(words)
    }

    /// The command, ready to be started.
    pub(super) fn to_process(&self) -> process::Command {
        let (program, arguments) = self
            .words
            .split_first()
            .map_or(("", &[][..]), |(program, arguments)| {
                (program.as_str(), arguments)
            });
        let mut command = process::Command::new(program);
        command.args(arguments);
        command
    }
}

impl TryFrom<Vec<String>> for CommandLine {
    type Error = BenchError;

    fn try_from(words: Vec<String>) -> Result<Self, BenchError> {
        Self::new(words)
    }
}

impl From<CommandLine> for Vec<String> {
    fn from(command: CommandLine) -> Self {
        command.words
    }
}

impl fmt::Display for CommandLine {
    /// As one would type it into a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shell_words::join(&self.words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_as_a_shell_would() {
        let command = CommandLine::split("agent --say 'two words' a\\ b \"$HOME\"").unwrap();
        assert_eq!(command.words, ["agent", "--say", "two words", "a b", "$HOME"]);
        assert_eq!(command.to_string(), "agent --say 'two words' 'a b' '$HOME'");
        assert_eq!(CommandLine::split(&command.to_string()).unwrap(), command);
    }

    #[test]
    fn what_is_no_command_is_told() {
        for text in ["agent 'open", "", "   ", "''"] {
            let error = CommandLine::split(text).unwrap_err();
            assert!(matches!(error, BenchError::CommandLine { .. }), "{error}");
        }
        assert!(CommandLine::new(Vec::new()).is_err());
    }
}
