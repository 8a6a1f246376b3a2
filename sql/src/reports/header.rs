//! The header of a statement of a report: what its comment lines declare. Their form stands in
//! [`report`](super::report).

use super::error::ReportError;
use super::filter::Columns;
use super::parameter::{Parameter, ParameterType};
use super::report::Kind;

const PARAM_FORM: &str =
    "-- Param: NAME text|integer|count|number|boolean|time [= DEFAULT] [-- WHAT IT MEANS]";
const FILTER_FORM: &str = "-- Filter: time = COLUMN, tenant = COLUMN, thread = COLUMN, graph = COLUMN";
const SECTION_FORM: &str = "-- Section: NAME [(record)|(table)]";

/// The comment lines before a statement, as far as they mean something.
#[derive(Default)]
pub(super) struct Header {
    pub(super) about: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) columns: Option<Columns>,
    pub(super) section: Option<(String, Kind)>,
}

impl Header {
    /// Reads the header of a text of the report of that name.
    pub(super) fn parse(report: &str, text: &str) -> Result<Self, ReportError> {
        let mut head = Self::default();
        let lines = text.lines().map(str::trim);
        for (at, line) in lines
            .take_while(|line| line.starts_with("--") || line.is_empty())
            .enumerate()
        {
            let wrong = |form| ReportError::Header {
                report: report.to_owned(),
                line: line.to_owned(),
                form,
            };
            let comment = line.trim_start_matches('-').trim();
            if let Some(rest) = comment.strip_prefix("Param:") {
                head.parameters
                    .push(read_parameter(rest).ok_or_else(|| wrong(PARAM_FORM))?);
            } else if let Some(rest) = comment.strip_prefix("Filter:") {
                head.columns = Some(Columns::parse(rest).ok_or_else(|| wrong(FILTER_FORM))?);
            } else if let Some(rest) = comment.strip_prefix("Section:") {
                head.section = Some(read_section(rest).ok_or_else(|| wrong(SECTION_FORM))?);
            } else if at == 0 {
                let about = comment
                    .strip_prefix(report)
                    .and_then(|rest| rest.strip_prefix(':'));
                head.about = about.unwrap_or(comment).trim().to_owned();
            }
        }
        Ok(head)
    }
}

/// Reads `top integer = 20 -- how many`.
fn read_parameter(text: &str) -> Option<Parameter> {
    let (declared, about) = text.split_once("--").unwrap_or((text, ""));
    let (declared, default) = match declared.split_once('=') {
        Some((declared, default)) => (declared, Some(default.trim().to_owned())),
        None => (declared, None),
    };
    let mut words = declared.split_whitespace();
    let (name, parameter_type) = (words.next()?, ParameterType::from_name(words.next()?)?);
    (words.next().is_none() && is_name(name)).then(|| Parameter {
        name: name.to_owned(),
        parameter_type,
        default,
        about: about.trim().to_owned(),
    })
}

/// Reads `totals (record)`.
fn read_section(text: &str) -> Option<(String, Kind)> {
    let (name, kind) = match text.trim().split_once(' ') {
        Some((name, kind)) => (
            name,
            match kind.trim() {
                "(record)" => Kind::Record,
                "(table)" => Kind::Table,
                _ => return None,
            },
        ),
        None => (text.trim(), Kind::Rows),
    };
    // SQL folds names to lower case.
    (is_name(name) && !name.contains(|letter: char| letter.is_ascii_uppercase()))
        .then(|| (name.to_owned(), kind))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
