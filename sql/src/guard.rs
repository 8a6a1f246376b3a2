//! The read-only guard: which statements pass.
//!
//! The list is one of permission: what is not known to read only is refused, so that a statement which a newer parser
//! learns is refused until someone has thought about it.

use std::ops::ControlFlow;

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{ObjectName, Query, Select, SetExpr, Statement, Visit, Visitor};

use crate::error::{Result, SqlError};
use crate::limits;

/// Lets a statement pass if it only reads the store.
pub(crate) fn check(statement: &DfStatement) -> Result<()> {
    match statement {
        DfStatement::Statement(statement) => check_statement(statement),
        DfStatement::Explain(explain) => check(&explain.statement),
        DfStatement::CreateExternalTable(_) => refuse("CREATE EXTERNAL TABLE"),
        DfStatement::CopyTo(_) => refuse("COPY"),
        DfStatement::Reset(_) => refuse("RESET"),
    }
}

/// Lets a plan pass if it only reads: a second look, after names have been resolved.
pub(crate) fn check_plan(plan: &LogicalPlan) -> Result<()> {
    match plan {
        LogicalPlan::Ddl(_) => refuse("a statement that defines something"),
        LogicalPlan::Dml(_) => refuse("a statement that changes rows"),
        LogicalPlan::Copy(_) => refuse("COPY"),
        LogicalPlan::Statement(statement) => refuse(statement.name()),
        _ => Ok(()),
    }
}

fn check_statement(statement: &Statement) -> Result<()> {
    limits::check_statement(statement)?;
    match statement {
        Statement::Query(_) => {}
        Statement::Explain { statement, .. } => check_statement(statement)?,
        Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowFunctions { .. }
        | Statement::ShowSchemas { .. }
        | Statement::ShowVariable { .. } => {}
        other => return refuse(&first_words(other)),
    }
    match statement.visit(&mut WritesInside) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => refuse(&what),
    }
}

fn refuse<T>(what: &str) -> Result<T> {
    Err(SqlError::Refused {
        what: what.to_owned(),
    })
}

/// The words that begin a statement, as many as name its kind.
fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or("this statement").to_uppercase();
    match (first.as_str(), words.next()) {
        ("CREATE" | "DROP" | "ALTER", Some(second)) => format!("{first} {}", second.to_uppercase()),
        _ => first,
    }
}

/// Finds what writes within a query, and names that reach out of the store.
struct WritesInside;

impl Visitor for WritesInside {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if !query.locks.is_empty() {
            return ControlFlow::Break("FOR UPDATE".to_owned());
        }
        let mut bodies = vec![&*query.body];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::SetOperation { left, right, .. } => bodies.extend([&**left, &**right]),
                SetExpr::Insert(_) => return ControlFlow::Break("INSERT".to_owned()),
                SetExpr::Update(_) => return ControlFlow::Break("UPDATE".to_owned()),
                SetExpr::Delete(_) => return ControlFlow::Break("DELETE".to_owned()),
                SetExpr::Merge(_) => return ControlFlow::Break("MERGE".to_owned()),
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        if select.into.is_some() {
            return ControlFlow::Break("SELECT INTO".to_owned());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Self::Break> {
        // No table of ours has such a name. Without URL tables it would only be not found; this says why.
        let file = relation
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .find(|part| part.value.contains(['/', '\\']) || part.value.contains("://"));
        match file {
            Some(part) => ControlFlow::Break(format!("reading the file {:?}", part.value)),
            None => ControlFlow::Continue(()),
        }
    }
}
