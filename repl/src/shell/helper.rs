//! When a line is whole: Enter in the middle of a statement begins another line of it.

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Helper, Result};

use super::meta::Meta;
use crate::statements::Statements;

/// Takes input once every statement in it has its semicolon.
#[derive(Debug)]
pub(crate) struct WholeStatements;

/// Whether Enter ends the input.
fn is_whole(input: &str) -> bool {
    Meta::read(input).is_some() || Statements::of(input).rest.is_none()
}

impl Validator for WholeStatements {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        Ok(if is_whole(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Helper for WholeStatements {}

impl Highlighter for WholeStatements {}

impl Hinter for WholeStatements {
    type Hint = String;
}

impl Completer for WholeStatements {
    type Candidate = String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_whole_with_its_semicolon() {
        for whole in [
            "",
            "  ",
            "select 1;",
            "select 1; select 2; -- done",
            "\\d",
            "\\format csv",
            "quit",
            "select\n1\n;",
        ] {
            assert!(is_whole(whole), "{whole}");
        }
        for open in [
            "select 1",
            "select ';",
            "select 1; select",
            "select 1 -- ;",
            "quit now",
        ] {
            assert!(!is_whole(open), "{open}");
        }
    }
}
