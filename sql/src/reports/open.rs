//! A report over one snapshot.

use datafusion::sql::parser::Statement;
use tokio::sync::OnceCell;

use super::completeness::{Completeness, completeness};
use super::report::{Arguments, Kind, Report};
use crate::error::{Result, SqlError};
use crate::session::{Answer, Session};

/// A report with its arguments over one snapshot: all its sections, and its completeness, are of the same moment.
#[derive(Debug)]
pub struct OpenReport {
    session: Session,
    report: Report,
    statements: Vec<Statement>,
    /// Set once the tables that the sections share have their names.
    tables: OnceCell<()>,
}

impl OpenReport {
    /// Opens a report over the snapshot of a session.
    ///
    /// # Errors
    /// [`SqlError::Report`] for arguments that the report does not take, or that it lacks; as [`Session::new`].
    pub fn new(session: &Session, report: Report, arguments: &Arguments) -> Result<Self> {
        Ok(Self {
            statements: report.statements(arguments)?,
            // Of its own: the tables of the report are nobody else's.
            session: session.another()?,
            report,
            tables: OnceCell::new(),
        })
    }

    /// The report.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// How complete the data is that the report is made of.
    ///
    /// # Errors
    /// Those of running SQL over the store.
    pub async fn completeness(&self) -> Result<Completeness> {
        completeness(&self.session).await
    }

    /// Begins to run one section, counted from 0. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Session::sql`].
    pub async fn section(&self, at: usize) -> Result<Answer> {
        self.tables.get_or_try_init(|| self.name_tables()).await?;
        match self.statements.get(at) {
            Some(statement) => self.session.statement(statement.clone()).await,
            None => Err(SqlError::internal(format!(
                "report {} has no section {at}",
                self.report.name()
            ))),
        }
    }

    async fn name_tables(&self) -> Result<()> {
        for (section, statement) in self.report.sections().iter().zip(&self.statements) {
            if section.kind() == Kind::Table {
                self.session.keep(section.name(), statement.clone()).await?;
            }
        }
        Ok(())
    }
}
