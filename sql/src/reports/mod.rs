//! Reports: questions with a name, as SQL over the views, and what may be asked of them.
//!
//! To add one, write `reports/<name>.sql` (see [`Report`] for its form) and put its name into [`REPORTS`].

pub(crate) mod completeness;
mod error;
mod filter;
mod header;
mod open;
mod parameter;
mod placeholders;
mod report;

pub use error::ReportError;
pub use filter::Filter;
pub use open::OpenReport;
pub use parameter::{Parameter, ParameterType, time_text, time_us};
pub use report::{Arguments, Kind, Report, Section};

use crate::error::Result;

macro_rules! reports {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every report that ships with the program, by name.
        pub const REPORTS: &[(&str, &str)] = &[$(($name, include_str!(concat!($name, ".sql")))),*];
    };
}

reports!(
    "completeness_by_hour",
    "completeness_by_run",
    "completeness_by_tenant",
    "completeness_by_thread",
    "cost",
    "diff",
    "errors",
    "gaps",
    "llm",
    "nodes",
    "runs",
    "sessions",
    "summary",
    "summary_of_graph",
    "timeline",
    "tokens",
    "tools",
);

impl Report {
    /// The report of that name that ships with the program.
    ///
    /// # Errors
    /// [`SqlError::Report`](crate::SqlError::Report) if there is none: it names those that there are.
    pub fn built_in(name: &str) -> Result<Self> {
        match REPORTS.iter().find(|(known, _)| *known == name) {
            Some((name, text)) => Self::parse(name, text),
            None => {
                let known: Vec<&str> = REPORTS.iter().map(|(known, _)| *known).collect();
                Err(ReportError::Unknown {
                    name: name.to_owned(),
                    known: known.join(", "),
                }
                .into())
            }
        }
    }
}
