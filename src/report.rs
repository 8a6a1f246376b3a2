//! A report over one snapshot.

use quipu_sql::{Arguments, Completeness, Report, Session, reports};

use crate::error::Result;
use crate::rows::Rows;

/// A report with its arguments over one snapshot: all its sections, and its completeness, are of the same moment.
#[derive(Debug)]
pub struct OpenReport(reports::OpenReport);

impl OpenReport {
    pub(crate) fn new(session: &Session, report: Report, arguments: &Arguments) -> Result<Self> {
        Ok(Self(reports::OpenReport::new(session, report, arguments)?))
    }

    /// The report.
    #[must_use]
    pub fn report(&self) -> &Report {
        self.0.report()
    }

    /// How complete the data is that the report is made of.
    ///
    /// # Errors
    /// As for any question.
    pub async fn completeness(&self) -> Result<Completeness> {
        Ok(self.0.completeness().await?)
    }

    /// The rows of several sections, which are planned side by side. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As for any question.
    pub async fn sections(&self, places: &[usize]) -> Result<Vec<Rows>> {
        let sections = places.iter().map(|at| self.section(*at));
        futures::future::try_join_all(sections).await
    }

    /// The rows of one section, counted from 0. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As for any question.
    pub async fn section(&self, at: usize) -> Result<Rows> {
        Ok(Rows::new(self.0.section(at).await?))
    }
}
