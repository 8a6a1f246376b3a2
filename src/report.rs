//! A report over one snapshot.

use quipu_sql::{Arguments, Completeness, Report, Session, completeness};

use crate::error::Result;
use crate::rows::Rows;

/// A report with its arguments over one snapshot: all its sections, and its completeness, are of the same moment.
#[derive(Debug)]
pub struct OpenReport {
    session: Session,
    report: Report,
    arguments: Arguments,
}

impl OpenReport {
    pub(crate) fn new(session: Session, report: Report, arguments: Arguments) -> Self {
        Self {
            session,
            report,
            arguments,
        }
    }

    /// The report.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// How complete the data is that the report is made of.
    ///
    /// # Errors
    /// As for any question.
    pub async fn completeness(&self) -> Result<Completeness> {
        Ok(completeness(&self.session).await?)
    }

    /// The rows of one section, counted from 0. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for arguments that the report does not take, or that it lacks; as
    /// for any question otherwise.
    pub async fn section(&self, at: usize) -> Result<Rows> {
        let answer = self.session.section(&self.report, at, &self.arguments).await?;
        Ok(Rows::new(answer))
    }
}
