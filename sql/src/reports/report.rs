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

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{self, Expr, Value, ValueWithSpan, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use super::error::ReportError;
use super::filter::{Columns, Filter};
use super::parameter::{self, Parameter, ParameterType};
use crate::error::{Result, SqlError};
use crate::{limits, split};

/// The placeholder for what a report is narrowed down to.
const FILTER: &str = "filter";

/// Keys of a report in JSON that no section may have.
const TAKEN: [&str; 3] = ["report", "completeness", "parameters"];

const PARAM_FORM: &str = "-- Param: NAME text|integer|number|boolean|time [= DEFAULT] [-- WHAT IT MEANS]";
const FILTER_FORM: &str = "-- Filter: time = COLUMN, tenant = COLUMN, thread = COLUMN, graph = COLUMN";
const SECTION_FORM: &str = "-- Section: NAME [(record)|(table)]";

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
    placeholders: BTreeSet<String>,
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
    /// [`SqlError::Report`] for a header that is not understood, errors of SQL for the rest.
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
            let head = Head::parse(name, text)?;
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
            let statement = parse(text)?;
            report.sections.push(Section {
                name: section,
                kind,
                columns: columns.clone(),
                placeholders: placeholders(&mut statement.clone()),
                statement,
            });
        }
        if report.sections.is_empty() {
            return Err(ReportError::Empty { report: report.name }.into());
        }
        report.check_names()?;
        report.declare_others();
        Ok(report)
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
        let others: BTreeSet<String> = named
            .filter(|name| *name != FILTER && self.parameters.iter().all(|known| known.name != **name))
            .cloned()
            .collect();
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
    /// [`SqlError::Report`] for arguments that it does not take, and for those that it lacks.
    pub fn check(&self, arguments: &Arguments) -> Result<()> {
        self.statements(arguments).map(|_| ())
    }

    /// Its statements with these arguments in the place of placeholders.
    ///
    /// # Errors
    /// [`SqlError::Report`] for arguments that it does not take, and for those that it lacks.
    pub(crate) fn statements(&self, arguments: &Arguments) -> Result<Vec<Statement>> {
        let values = self.values(arguments)?;
        if !arguments.filter.is_empty() && self.sections.iter().all(|section| !section.is_filtered()) {
            return Err(ReportError::NoFilter {
                report: self.name.clone(),
                by: "anything",
                instead: "its SQL names no $filter".to_owned(),
            }
            .into());
        }
        self.sections
            .iter()
            .map(|section| {
                let mut values = values.clone();
                if section.is_filtered() {
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

impl Section {
    fn is_filtered(&self) -> bool {
        self.placeholders.contains(FILTER)
    }
}

/// The comment lines before a statement, as far as they mean something.
#[derive(Default)]
struct Head {
    about: String,
    parameters: Vec<Parameter>,
    columns: Option<Columns>,
    section: Option<(String, Kind)>,
}

impl Head {
    fn parse(report: &str, text: &str) -> Result<Self, ReportError> {
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
    is_name(name).then(|| (name.to_owned(), kind))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn parse(text: &str) -> Result<Statement> {
    limits::check_tokens(text)?;
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&PostgreSqlDialect {})
        .build()?
        .parse_statements()?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (_, others) => Err(SqlError::NotOneStatement { found: others }),
    }
}

/// Names of the placeholders of a statement.
fn placeholders(statement: &mut Statement) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    visit(statement, &mut |name, _| {
        names.insert(name.to_owned());
    });
    names
}

/// Puts values in the place of placeholders.
fn fill(statement: &mut Statement, values: &BTreeMap<&str, Expr>) {
    visit(statement, &mut |name, expr| {
        if let Some(value) = values.get(name) {
            *expr = Expr::Nested(Box::new(value.clone()));
        }
    });
}

fn visit(statement: &mut Statement, seen: &mut dyn FnMut(&str, &mut Expr)) {
    let mut visitor = Placeholders { seen };
    let inner: &mut ast::Statement = match statement {
        Statement::Statement(inner) => inner,
        Statement::Explain(explain) => return visit(&mut explain.statement, seen),
        // Neither reads; the guard refuses them.
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => return,
    };
    // It never breaks off.
    let _ = inner.visit(&mut visitor);
}

struct Placeholders<'a> {
    seen: &'a mut dyn FnMut(&str, &mut Expr),
}

impl VisitorMut for Placeholders<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan {
            value: Value::Placeholder(name),
            ..
        }) = expr
            && let Some(name) = name.strip_prefix('$').map(str::to_owned)
        {
            (self.seen)(&name, expr);
        }
        ControlFlow::Continue(())
    }
}
