//! A claim: a query whose rows are violations, with a header.

use std::path::{Path, PathBuf};

use super::error::ClaimError;
use super::header::Header;
use super::message::Message;
use crate::output::{Location, Severity};

/// A query whose rows are violations.
///
/// Its header is the comment lines above it, and every line of it may be left out:
///
/// - the first line says what is claimed, as in a report;
/// - `-- Name: WORD`, else the name of the file without `.sql`;
/// - `-- Severity: critical|warning|info`, else critical;
/// - `-- Message: TEXT`, with `{column}` for values of the violating row (see [`Message`]);
/// - `-- Tags: WORD, WORD`;
/// - `-- Param:`, `-- Filter:` and `-- Section:` as in a report. Rows of sections that are tables are no violations.
///
/// Other comments mean nothing, but for one that is a key but for a letter or two: that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// What is claimed, in a line; empty if it does not say.
    pub about: String,
    /// How much a violation matters.
    pub severity: Severity,
    /// What is to be said of a violation.
    pub message: Option<Message>,
    /// Words by which claims are chosen.
    pub tags: Vec<String>,
    /// Its file, and the line of the query.
    pub location: Location,
    /// The whole text, a report: header and SQL.
    pub text: String,
}

impl Claim {
    /// Reads a claim from the text of a file.
    ///
    /// # Errors
    /// [`ClaimError::Header`] for a line that is not understood, [`ClaimError::Empty`] if there is no SQL.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ClaimError> {
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        let stem = stem.to_string_lossy().into_owned();
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let head = Header::parse(path, &stem, text)?;
        if head.query_line.is_none() {
            return Err(ClaimError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            name: head.name.unwrap_or(stem),
            about: head.about,
            severity: head.severity.unwrap_or_default(),
            message: head.message,
            tags: head.tags,
            location: Location {
                file: path.to_owned(),
                line: head.query_line,
            },
            text: text.to_owned(),
        })
    }

    /// Reads a claim from a file.
    ///
    /// # Errors
    /// [`ClaimError::Read`] and [`ClaimError::NotText`], and as [`Claim::parse`].
    pub fn read(path: &Path) -> Result<Self, ClaimError> {
        let bytes = std::fs::read(path).map_err(|source| ClaimError::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|wrong| ClaimError::NotText {
            path: path.to_owned(),
            valid_bytes: wrong.valid_up_to(),
        })?;
        Self::parse(path, text)
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &PathBuf {
        &self.location.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "\
-- every_run_ends: a run that began ends or fails.
-- Name: runs/every_run_ends
-- Severity: warning
-- Message: run {run_id} never ended
-- Tags: ci, runs
-- Param: graph text = -- only of this graph
--
-- Free words: they mean nothing.

select run_id from runs -- Severity: info
where status = 'abandoned'
";

    fn parse(text: &str) -> Result<Claim, ClaimError> {
        Claim::parse(Path::new("checks/every_run_ends.sql"), text)
    }

    #[test]
    fn the_header_says_what_is_claimed() {
        let claim = parse(FULL).unwrap();
        assert_eq!(claim.name, "runs/every_run_ends");
        assert_eq!(claim.about, "a run that began ends or fails.");
        assert_eq!(claim.severity, Severity::Warning);
        assert_eq!(claim.message, Message::parse("run {run_id} never ended").ok());
        assert_eq!(claim.tags, ["ci", "runs"]);
        assert_eq!(claim.location.to_string(), "checks/every_run_ends.sql:10");
        assert_eq!(claim.text, FULL);
    }

    #[test]
    fn every_line_of_the_header_may_be_left_out() {
        let claim = parse("select 1").unwrap();
        assert_eq!(claim.name, "every_run_ends");
        assert_eq!(claim.severity, Severity::Critical);
        assert_eq!(
            (claim.about.as_str(), claim.message, claim.tags.len()),
            ("", None, 0)
        );
        assert_eq!(claim.location.line, Some(1));
        assert_eq!(
            parse("\u{feff}-- Runs end.\nselect 1").unwrap().about,
            "Runs end."
        );
    }

    #[test]
    fn the_line_is_that_of_the_query_whose_rows_are_violations() {
        let text = "-- Section: base (table)\nselect 1;\n\n-- Section: bad\n-- why\nselect 2;\n";
        assert_eq!(parse(text).unwrap().location.line, Some(6));
        let text = "-- Section: bad\nselect 1;\n-- Section: rest (table)\nselect 2;\n";
        assert_eq!(parse(text).unwrap().location.line, Some(2));
    }

    #[test]
    fn what_is_not_understood_is_told_with_file_line_and_form() {
        for (text, told) in [
            (
                "-- a\n-- Severity: fatal\nselect 1",
                "checks/every_run_ends.sql:2: unknown severity \"fatal\": use critical, warning or info; \
                 write it as \"-- Severity: critical|warning|info\"",
            ),
            (
                "-- Severty: info\nselect 1",
                "\"Severty\" is no key of a claim, \"Severity\" is",
            ),
            (
                "-- severity: info\nselect 1",
                "\"severity\" is no key of a claim, \"Severity\" is",
            ),
            ("-- Tag: x\nselect 1", "\"Tag\" is no key of a claim, \"Tags\" is"),
            (
                "-- Parameter: x text\nselect 1",
                "write it as \"-- Param: NAME text|",
            ),
            ("-- Message:\nselect 1", ":1: the message is empty"),
            ("-- Message: {x\nselect 1", "has no }"),
            ("-- Name: two words\nselect 1", "\"two words\" is no word"),
            ("-- Tags: a,,b\nselect 1", "\"\" is no word"),
            ("-- Name: a\n-- Name: b\nselect 1", ":2: a second line \"Name\""),
            ("-- nothing\n\n", "holds no SQL statement"),
            (
                "-- Section: a\nselect 1;\n-- Section: b\n",
                "holds no SQL statement",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_claim_may_be_called_like_a_key() {
        let claim = Claim::parse(Path::new("names.sql"), "-- names: nobody is nameless.\nselect 1").unwrap();
        assert_eq!(claim.about, "nobody is nameless.");
    }
}
