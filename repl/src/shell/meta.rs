//! Backslash commands of the prompt.

use clap::ValueEnum;

use crate::output::Format;
use crate::output::escape::visible;

/// What `\?` shows.
pub(crate) const HELP: &str = "\
\\d               tables and views
\\d NAME          columns of a table or view
\\format          the format in use
\\format FORMAT   table, csv, tsv, json, jsonl, markdown or line
\\?               this list
\\q               leave (also Ctrl-D, quit, exit)

SQL may take several lines and ends with a semicolon.
Every statement sees the newest commit.
Ctrl-C throws away what is typed, or cancels what is running.";

/// The query behind `\d`.
pub(crate) const TABLES: &str = "\
select case when table_schema = 'system' then 'system.' || table_name else table_name end as name, \
lower(table_type) as kind \
from information_schema.tables where table_schema <> 'information_schema' \
order by table_schema = 'system', table_type, table_name";

/// A command that begins with a backslash, or a word that people type in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    /// Leave the prompt.
    Quit,
    /// Show the commands.
    Help,
    /// List tables and views.
    Tables,
    /// List the columns of a table or view.
    Columns(String),
    /// Say or change the format.
    Format(Option<Format>),
}

impl Meta {
    /// Reads a line: none if it is SQL, an error that says what to do if the command is unknown.
    pub(crate) fn read(line: &str) -> Option<Result<Self, String>> {
        let line = line.trim();
        match line.trim_end_matches(';').trim_end() {
            "quit" | "exit" => return Some(Ok(Self::Quit)),
            "help" => return Some(Ok(Self::Help)),
            _ => {}
        }
        // A semicolon is a habit that should not hurt.
        let command = line.strip_prefix('\\')?.trim_end_matches([';', ' ']);
        let mut words = command.split_whitespace();
        let (name, argument) = (words.next().unwrap_or(""), words.next());
        if words.next().is_some() {
            return Some(Err(format!(
                "\\{} takes one argument at most; \\? shows how",
                visible(name)
            )));
        }
        Some(match (name, argument) {
            ("q", None) => Ok(Self::Quit),
            ("?" | "h", None) => Ok(Self::Help),
            ("d", None) => Ok(Self::Tables),
            ("d", Some(table)) => Ok(Self::Columns(table.to_owned())),
            ("format", None) => Ok(Self::Format(None)),
            ("format", Some(format)) => Format::from_str(format, true)
                .map(|format| Self::Format(Some(format)))
                .map_err(|_| {
                    let all: Vec<&str> = Format::value_variants()
                        .iter()
                        .map(|format| format.name())
                        .collect();
                    format!("no format {}: there are {}", visible(format), all.join(", "))
                }),
            (name, _) => Err(format!("no command \\{}; \\? shows all", visible(name))),
        })
    }
}

/// The query behind `\d NAME`. A name may have its schema before it.
pub(crate) fn columns_of(name: &str) -> String {
    let (schema, table) = match name.split_once('.') {
        Some((schema, table)) => (Some(schema), table),
        None => (None, name),
    };
    let quoted = |part: &str| format!("'{}'", part.trim_matches('"').replace('\'', "''"));
    let schema = match schema {
        Some(schema) => format!("table_schema = {}", quoted(schema)),
        None => "table_schema not in ('system', 'information_schema')".to_owned(),
    };
    format!(
        "select column_name as name, data_type as type, is_nullable = 'YES' as nullable from information_schema.columns \
         where {schema} and table_name = {} order by ordinal_position",
        quoted(table)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_no_command() {
        for sql in ["select 1;", "", "quit now", "-- \\d", "explain select '\\q';"] {
            assert_eq!(Meta::read(sql), None, "{sql}");
        }
    }

    #[test]
    fn commands_bear_blanks_and_a_semicolon() {
        assert_eq!(
            Meta::read(" \\d  events ; "),
            Some(Ok(Meta::Columns("events".into())))
        );
        assert_eq!(Meta::read("\\d;"), Some(Ok(Meta::Tables)));
        assert_eq!(Meta::read("exit;"), Some(Ok(Meta::Quit)));
        assert_eq!(
            Meta::read("\\format JSONL"),
            Some(Ok(Meta::Format(Some(Format::Jsonl))))
        );
    }

    #[test]
    fn what_is_unknown_is_answered_with_what_there_is() {
        let error = |line| Meta::read(line).unwrap().unwrap_err();
        assert!(error("\\format xml").contains("markdown"));
        assert!(error("\\x").contains("\\?"));
        assert!(error("\\").contains("\\?"));
        assert!(error("\\d a b").contains("one argument"));
    }

    #[test]
    fn a_quote_in_a_name_stays_in_the_name() {
        assert!(columns_of("a'b").contains("table_name = 'a''b'"));
        assert!(
            columns_of("system.segments").contains("table_schema = 'system' and table_name = 'segments'")
        );
    }
}
