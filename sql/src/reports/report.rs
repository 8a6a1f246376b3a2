//! A report: SQL statements with a header that says what may be asked of them.
//!
//! ```sql
//! -- slow_runs: the runs that took longest.
//! -- Param: top integer = 20 -- how many
//! -- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
//! -- Section: runs
//! SELECT run_id, duration_us FROM runs WHERE $filter ORDER BY duration_us DESC LIMIT $top;
//! -- Section: total (record)
//! SELECT count(*) AS runs FROM runs WHERE $filter;
//! ```
//!
//! A section of kind `(record)` is one row, shown as a list of values. One of kind `(table)` is not shown: its rows are
//! computed once and later sections read them under its name.
//!
//! Every line of the header may be left out. Statements without a name are called `rows`, or by their number if there are
//! several. A line `-- Filter:` before a later section holds from there on. `$name` is a parameter; one that the header
//! does not declare is a text that must be given.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, visit_relations};

use super::error::ReportError;
use super::filter::{Columns, Filter};
use super::header::Header;
use super::parameter::{self, Parameter, ParameterType};
use super::placeholders::{fill, placeholders};
use crate::error::{Result, SqlError};
use crate::session::parse;
use crate::split;

/// The placeholder for what a report is narrowed down to.
const FILTER: &str = "filter";

/// Keys of a report in JSON that no section may have.
const TAKEN: [&str; 3] = ["report", "completeness", "parameters"];

/// SQL statements with a header that says what may be asked of them.
#[derive(Clone, Debug)]
pub struct Report {
    name: String,
    about: String,
    parameters: Vec<Parameter>,
    sections: Vec<Section>,
}

/// One statement of a report.
#[derive(Clone, Debug)]
pub struct Section {
    name: String,
    kind: Kind,
    columns: Option<Columns>,
    statement: Statement,
    /// Names of its placeholders, in the order in which they come first.
    placeholders: Vec<String>,
    /// Whether it heeds what the report is narrowed down to, itself or by the tables that it reads.
    is_filtered: bool,
}

/// What a section is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Any number of rows.
    #[default]
    Rows,
    /// One row, to be shown as a list of values.
    Record,
    /// Rows that are not shown: later sections read them under the name of the section.
    Table,
}

/// What is asked of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Values of parameters by name.
    pub named: BTreeMap<String, String>,
    /// Values of the parameters that must be given, in their order.
    pub positional: Vec<String>,
    /// What it is narrowed down to.
    pub filter: Filter,
}

impl Section {
    /// Its name: a key of the report in JSON.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl Report {
    /// Reads a report from its text.
    ///
    /// # Errors
    /// [`SqlError::Report`](crate::SqlError::Report) for a header that is not understood, errors of SQL for the rest.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let texts = split(text)?;
        let mut report = Self {
            name: name.to_owned(),
            about: String::new(),
            parameters: Vec::new(),
            sections: Vec::new(),
        };
        let mut columns = None;
        for (at, text) in texts.iter().enumerate() {
            let head = Header::parse(name, text)?;
            if at == 0 {
                report.about = head.about;
            }
            report.parameters.extend(head.parameters);
            columns = head.columns.or(columns);
            let numbered = || {
                if texts.len() == 1 {
                    "rows".to_owned()
                } else {
                    (at + 1).to_string()
                }
            };
            let (section, kind) = head.section.unwrap_or_else(|| (numbered(), Kind::Rows));
            let mut statement = parse(text)?;
            let placeholders = placeholders(&mut statement);
            let is_filtered =
                placeholders.iter().any(|name| name == FILTER) || report.reads_filtered(&statement);
            report.sections.push(Section {
                name: section,
                kind,
                columns: columns.clone(),
                placeholders,
                is_filtered,
                statement,
            });
        }
        if report.sections.is_empty() {
            return Err(ReportError::Empty { report: report.name }.into());
        }
        if report.sections.iter().all(|section| section.kind == Kind::Table) {
            return Err(ReportError::ShowsNothing { report: report.name }.into());
        }
        report.check_names()?;
        report.declare_others();
        Ok(report)
    }

    /// Whether a statement reads a table of the report that heeds what it is narrowed down to.
    fn reads_filtered(&self, statement: &Statement) -> bool {
        let mut is_filtered = false;
        if let Statement::Statement(statement) = statement {
            // It never breaks off.
            let _ = visit_relations(statement, |relation: &ObjectName| {
                is_filtered |= self.sections.iter().any(|section| {
                    section.kind == Kind::Table && section.is_filtered && relation.to_string() == section.name
                });
                ControlFlow::<()>::Continue(())
            });
        }
        is_filtered
    }

    fn check_names(&self) -> Result<(), ReportError> {
        let mut seen = BTreeSet::from(TAKEN);
        for section in &self.sections {
            if !seen.insert(&section.name) {
                return Err(self.taken(&section.name));
            }
        }
        let mut seen = BTreeSet::from([FILTER]);
        for parameter in &self.parameters {
            if !seen.insert(&parameter.name) {
                return Err(self.taken(&parameter.name));
            }
        }
        Ok(())
    }

    fn taken(&self, name: &str) -> ReportError {
        ReportError::Taken {
            report: self.name.clone(),
            name: name.to_owned(),
        }
    }

    /// What the SQL names and the header does not is a text.
    fn declare_others(&mut self) {
        let named = self.sections.iter().flat_map(|section| &section.placeholders);
        let mut others: Vec<String> = Vec::new();
        for name in named {
            let is_known = *name == FILTER || self.parameters.iter().any(|known| known.name == *name);
            if !is_known && !others.contains(name) {
                others.push(name.clone());
            }
        }
        self.parameters.extend(others.into_iter().map(|name| Parameter {
            name,
            parameter_type: ParameterType::Text,
            default: None,
            about: String::new(),
        }));
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it tells, in a line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What may be asked of it.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Its statements.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Whether it takes these arguments.
    ///
    /// # Errors
    /// [`SqlError::Report`](crate::SqlError::Report) for arguments that it does not take, and for those that it lacks.
    pub fn check(&self, arguments: &Arguments) -> Result<()> {
        self.statements(arguments).map(|_| ())
    }

    /// Its statements with these arguments in the place of placeholders.
    ///
    /// # Errors
    /// [`SqlError::Report`](crate::SqlError::Report) for arguments that it does not take, and for those that it lacks.
    pub(crate) fn statements(&self, arguments: &Arguments) -> Result<Vec<Statement>> {
        let values = self.values(arguments)?;
        let heedless = |section: &&Section| section.kind != Kind::Table && !section.is_filtered;
        if let Some(section) = self.sections.iter().find(heedless)
            && !arguments.filter.is_empty()
        {
            return Err(ReportError::NotFiltered {
                report: self.name.clone(),
                section: section.name.clone(),
            }
            .into());
        }
        self.sections
            .iter()
            .map(|section| {
                let mut values = values.clone();
                if section.placeholders.iter().any(|name| name == FILTER) {
                    let none = Columns::default();
                    let columns = section.columns.as_ref().unwrap_or(&none);
                    values.insert(FILTER, columns.condition(&self.name, &arguments.filter)?);
                }
                let mut statement = section.statement.clone();
                fill(&mut statement, &values);
                Ok(statement)
            })
            .collect()
    }

    /// Its only statement with these arguments in the place of placeholders.
    pub(crate) fn only_statement(&self, arguments: &Arguments) -> Result<Statement> {
        let mut statements = self.statements(arguments)?;
        match (statements.pop(), statements.len()) {
            (Some(statement), 0) => Ok(statement),
            (_, others) => Err(SqlError::NotOneStatement { found: others + 1 }),
        }
    }

    /// The text of its only statement with these arguments in the place of placeholders.
    ///
    /// # Errors
    /// [`SqlError::Report`](crate::SqlError::Report) for arguments that it does not take, and for those that it lacks;
    /// [`SqlError::NotOneStatement`](crate::SqlError::NotOneStatement) for a report of several.
    pub fn text(&self, arguments: &Arguments) -> Result<String> {
        Ok(self.only_statement(arguments)?.to_string())
    }

    /// The literals of all parameters.
    fn values(&self, arguments: &Arguments) -> Result<BTreeMap<&str, Expr>, ReportError> {
        if let Some(name) = arguments
            .named
            .keys()
            .find(|name| self.parameters.iter().all(|known| known.name != **name))
        {
            return Err(ReportError::NoParameter {
                report: self.name.clone(),
                name: name.clone(),
                known: self.known(),
            });
        }
        let mut positional = arguments.positional.iter();
        let mut values = BTreeMap::new();
        for known in &self.parameters {
            let named = arguments.named.get(&known.name);
            let given = match &known.default {
                None => named.or_else(|| positional.next()),
                Some(_) => named,
            };
            let literal = match (given, known.default.as_deref()) {
                (Some(text), _) => parameter::literal(&known.name, known.parameter_type, text)?,
                (None, Some("")) => parameter::null(known.parameter_type),
                (None, Some(text)) => parameter::literal(&known.name, known.parameter_type, text)?,
                (None, None) => {
                    return Err(ReportError::Missing {
                        report: self.name.clone(),
                        name: known.name.clone(),
                        parameter_type: known.parameter_type,
                    });
                }
            };
            values.insert(known.name.as_str(), literal);
        }
        let left = positional.count();
        if left > 0 {
            return Err(ReportError::TooManyValues {
                report: self.name.clone(),
                takes: arguments.positional.len() - left,
                found: arguments.positional.len(),
            });
        }
        Ok(values)
    }

    fn known(&self) -> String {
        if self.parameters.is_empty() {
            return "none".to_owned();
        }
        let names: Vec<&str> = self.parameters.iter().map(|known| known.name.as_str()).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    const TEXT: &str = "-- slow: the runs that took longest.\n\
        -- Param: top integer = 3 -- how many\n\
        -- Param: since_name text =\n\
        -- Param: graph text\n\
        -- Filter: time = started\n\
        -- Section: base (table)\n\
        select * from runs where $filter and graph_name = $graph;\n\
        -- Section: runs\n\
        select run_id from base where $since_name is null limit $top;\n\
        -- Section: total (record)\n\
        select count(*) from base where note = '$top'";

    fn report() -> Report {
        Report::parse("slow", TEXT).unwrap()
    }

    fn arguments(named: &[(&str, &str)], positional: &[&str]) -> Arguments {
        let owned = |text: &&str| (*text).to_owned();
        Arguments {
            named: named
                .iter()
                .map(|(name, value)| (owned(name), owned(value)))
                .collect(),
            positional: positional.iter().map(owned).collect(),
            filter: Filter::default(),
        }
    }

    fn told(wrong: Result<impl fmt::Debug>) -> String {
        wrong.unwrap_err().to_string()
    }

    #[test]
    fn the_header_says_what_may_be_asked() {
        let report = report();
        assert_eq!(report.about(), "the runs that took longest.");
        let sections: Vec<_> = report.sections().iter().map(|s| (s.name(), s.kind())).collect();
        assert_eq!(
            sections,
            [
                ("base", Kind::Table),
                ("runs", Kind::Rows),
                ("total", Kind::Record)
            ]
        );
        let top = &report.parameters()[0];
        assert_eq!(
            (top.default.as_deref(), top.about.as_str()),
            (Some("3"), "how many")
        );
    }

    #[test]
    fn values_take_the_place_of_placeholders_and_of_nothing_else() {
        let statements = report()
            .statements(&arguments(&[("top", "5")], &["it's"]))
            .unwrap();
        assert_eq!(
            statements[0].to_string(),
            "SELECT * FROM runs WHERE (true) AND graph_name = ('it''s')"
        );
        assert_eq!(
            statements[1].to_string(),
            "SELECT run_id FROM base WHERE (CAST(NULL AS TEXT)) IS NULL LIMIT (5)"
        );
        assert_eq!(
            statements[2].to_string(),
            "SELECT count(*) FROM base WHERE note = '$top'"
        );
    }

    #[test]
    fn what_is_wrong_with_the_arguments_is_told() {
        let asked = |named: &[(&str, &str)], positional: &[&str]| {
            told(report().statements(&arguments(named, positional)))
        };
        assert_eq!(
            asked(&[], &[]),
            "slow needs the parameter \"graph\" (text); give it by name, as -p graph=VALUE, or behind the report's name"
        );
        assert_eq!(
            asked(&[("bottom", "1")], &["g"]),
            "slow has no parameter \"bottom\"; it has top, since_name, graph"
        );
        assert_eq!(
            asked(&[("top", "many")], &["g"]),
            "\"many\" is no integer for top: use a whole number such as 20"
        );
        assert_eq!(
            asked(&[], &["g", "h"]),
            "slow takes 1 values beside its name, found 2"
        );
    }

    #[test]
    fn a_report_without_the_placeholder_cannot_be_narrowed_down() {
        let report = Report::parse("plain", "select 1").unwrap();
        assert_eq!(report.sections()[0].name(), "rows");
        let mut filtered = Arguments::default();
        filtered.filter.tenant = Some("acme".to_owned());
        assert!(told(report.statements(&filtered)).contains("section rows names no $filter"));
        let report = Report::parse("half", "select 1 where $filter; select 2").unwrap();
        assert!(told(report.statements(&filtered)).contains("section 2 names no $filter"));
        assert!(report.statements(&Arguments::default()).is_ok());
    }

    #[test]
    fn what_the_header_does_not_declare_is_a_text_that_must_be_given() {
        let report = Report::parse("r", "select $b; select $a, $b").unwrap();
        let names: Vec<_> = report
            .parameters()
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(report.sections()[1].name(), "2");
        assert!(report.check(&arguments(&[], &["1", "2"])).is_ok());
    }

    #[test]
    fn a_header_that_is_not_understood_is_refused() {
        for text in [
            "-- Param: top\nselect 1",
            "-- Param: top colour\nselect 1",
            "-- Filter: colour = red\nselect 1",
            "-- Section: two words\nselect 1",
            "-- Section: completeness\nselect 1",
            "-- Section: Base\nselect 1",
            "-- Section: base (table)\nselect 1",
            "-- Section: a\nselect 1; -- Section: a\nselect 2",
            "-- Param: a text\n-- Param: a text\nselect 1",
            "-- nothing",
            "",
            "select",
        ] {
            assert!(Report::parse("r", text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_report_that_ships_is_well_formed_and_can_be_narrowed_down() {
        for (name, text) in super::super::REPORTS {
            let report = Report::parse(name, text).unwrap();
            assert!(!report.about().is_empty(), "{name}");
            // A diff is of two runs already.
            if *name == "diff" {
                continue;
            }
            let sections = report.sections();
            assert!(
                sections.iter().all(|section| section.columns.is_some()),
                "{name}: a line Filter"
            );
            assert!(
                report.sections().iter().any(|section| section.is_filtered),
                "{name}"
            );
        }
    }
}
