//! The header of a claim: what its comment lines declare.

use std::path::Path;

use strsim::damerau_levenshtein;

use super::error::ClaimError;
use super::message::Message;
use crate::output::Severity;

const NAME_FORM: &str = "-- Name: WORD";
const SEVERITY_FORM: &str = "-- Severity: critical|warning|info";
const MESSAGE_FORM: &str = "-- Message: TEXT, with {COLUMN} for a value of the violating row";
const TAGS_FORM: &str = "-- Tags: WORD, WORD";
/// As in the header of a report, which takes the value.
const PARAM_FORM: &str =
    "-- Param: NAME text|integer|count|number|boolean|time [= DEFAULT] [-- WHAT IT MEANS]";

/// Keys of a header, and what a line of each looks like. The last two are read by reports.
const KEYS: [(&str, &str); 7] = [
    ("Name", NAME_FORM),
    ("Severity", SEVERITY_FORM),
    ("Message", MESSAGE_FORM),
    ("Tags", TAGS_FORM),
    ("Param", PARAM_FORM),
    (
        "Filter",
        "-- Filter: time = COLUMN, tenant = COLUMN, thread = COLUMN, graph = COLUMN",
    ),
    ("Section", "-- Section: NAME [(record)|(table)]"),
];

/// The comment lines of a claim, as far as they mean something, and where its query begins.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) about: String,
    pub(super) name: Option<String>,
    pub(super) severity: Option<Severity>,
    pub(super) message: Option<Message>,
    pub(super) tags: Vec<String>,
    /// Line of the query whose rows are violations, from 1; none if there is no SQL.
    pub(super) query_line: Option<usize>,
}

impl Header {
    /// Reads the header of a claim that is called `stem` unless it says otherwise.
    pub(super) fn parse(path: &Path, stem: &str, text: &str) -> Result<Self, ClaimError> {
        let mut head = Self::default();
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            let Some(comment) = text.strip_prefix("--") else {
                if !text.is_empty() && head.query_line.is_none() {
                    head.query_line = Some(line);
                }
                continue;
            };
            let comment = comment.trim_start_matches('-').trim();
            if head.query_line.is_none() {
                let found = head.read(stem, line, comment);
                found.map_err(|(wrong, form)| ClaimError::Header {
                    path: path.to_owned(),
                    line,
                    wrong,
                    form,
                })?;
            } else if let Some(section) = comment.strip_prefix("Section:")
                && !section.trim_end().ends_with("(table)")
            {
                // The rows of tables are no violations: those of the section behind them are.
                head.query_line = None;
            }
        }
        Ok(head)
    }

    /// Reads one comment line.
    fn read(&mut self, stem: &str, line: usize, comment: &str) -> Result<(), (String, &'static str)> {
        let (key, value) = match comment.split_once(':') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => (comment, ""),
        };
        match key {
            "Name" => set(
                &mut self.name,
                "Name",
                word(value).map_err(|wrong| (wrong, NAME_FORM))?,
                NAME_FORM,
            ),
            "Severity" => {
                let severity: Severity = value
                    .parse()
                    .map_err(|wrong: crate::output::UnknownSeverity| (wrong.to_string(), SEVERITY_FORM))?;
                set(&mut self.severity, "Severity", severity, SEVERITY_FORM)
            }
            "Message" if value.is_empty() => Err(("the message is empty".to_owned(), MESSAGE_FORM)),
            "Message" => {
                let message = Message::parse(value).map_err(|wrong| (wrong, MESSAGE_FORM))?;
                set(&mut self.message, "Message", message, MESSAGE_FORM)
            }
            "Tags" => {
                for tag in value.split(',').map(str::trim) {
                    self.tags.push(word(tag).map_err(|wrong| (wrong, TAGS_FORM))?);
                }
                Ok(())
            }
            "Param" | "Filter" | "Section" => Ok(()),
            // The word that other tools have for it.
            "Parameter" => Err((format!("{key:?} is no key of a claim"), PARAM_FORM)),
            _ => {
                if comment.contains(':')
                    && let Some((known, form)) = meant(key)
                    && key != stem
                {
                    return Err((format!("{key:?} is no key of a claim, {known:?} is"), form));
                }
                if line == 1 {
                    let about = comment.strip_prefix(stem).and_then(|rest| rest.strip_prefix(':'));
                    self.about = about.unwrap_or(comment).trim().to_owned();
                }
                Ok(())
            }
        }
    }
}

/// The key that a word was meant to be: a severity that is not read because of a letter would be another one.
fn meant(word: &str) -> Option<(&'static str, &'static str)> {
    let word = word.to_lowercase();
    KEYS.into_iter().find(|(key, _)| {
        let differing = damerau_levenshtein(&word, &key.to_lowercase());
        differing <= if key.len() > 5 { 2 } else { 1 }
    })
}

fn set<T>(
    place: &mut Option<T>,
    key: &str,
    value: T,
    form: &'static str,
) -> Result<(), (String, &'static str)> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err((format!("a second line {key:?}: a claim has one"), form)),
    }
}

fn word(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if !text.is_empty() && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no word of letters, digits, _, -, . and /"))
    }
}
