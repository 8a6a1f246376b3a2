//! Views: text files of SQL, each with a header that tells its grain, its key, its units and its columns.
//!
//! To add one, write `views/<name>.sql` with a header as [`Header`] reads it, and put its name into [`VIEWS`]. One
//! whose rows are to have columns of their run stands in the list `MADE` too.

mod header;

pub use header::{COMMON_COLUMNS, Header};

use crate::runs::{By, Rows};

/// A view that ships with the program.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Its name in SQL.
    pub name: &'static str,
    /// Its text, header included.
    pub sql: &'static str,
}

macro_rules! view {
    ($name:literal) => {
        View {
            name: $name,
            sql: include_str!(concat!($name, ".sql")),
        }
    };
}

/// Every view, by name.
pub const VIEWS: &[View] = &[
    view!("arrivals"),
    view!("baseline_samples"),
    view!("baselines"),
    view!("benchmark_results"),
    view!("comparisons"),
    view!("completeness"),
    view!("costs"),
    view!("costs_by_day"),
    view!("costs_by_model"),
    view!("costs_by_run"),
    view!("costs_by_session"),
    view!("coverage"),
    view!("duplicates"),
    view!("edges"),
    view!("errors_all"),
    view!("gaps"),
    view!("graph_events"),
    view!("late_arrivals"),
    view!("llm_calls"),
    view!("llm_stats"),
    view!("messages"),
    view!("metrics_latest"),
    view!("node_executions"),
    view!("nodes"),
    view!("open_dead_letters"),
    view!("owned_traces"),
    view!("quality"),
    view!("reconcile"),
    view!("regressions"),
    view!("run_parts"),
    view!("run_spans"),
    view!("runs"),
    view!("sessions"),
    view!("store_time"),
    view!("strand_runs"),
    view!("strands"),
    view!("suite_results"),
    view!("thread_tails"),
    view!("throughput"),
    view!("timeline"),
    view!("token_counts"),
    view!("token_stream_gaps"),
    view!("tokens"),
    view!("tool_calls"),
    view!("tool_stats"),
    view!("traces"),
];

/// How the rows of a view come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// Its text gives them.
    OfText,
    /// Its text gives them without the columns of the run that its header lists: see [`runs`](crate::runs).
    OfTextInRuns(By),
    /// They are runs, or parts of threads. The text is the header alone.
    ByRuns(Rows),
}

/// The views that are not made of their text alone, by name.
const MADE: &[(&str, Made)] = &[
    ("errors_all", Made::OfTextInRuns(By::Time("at"))),
    ("graph_events", Made::OfTextInRuns(By::Place)),
    ("llm_calls", Made::OfTextInRuns(By::Time("first_time"))),
    ("run_parts", Made::ByRuns(Rows::Parts)),
    ("run_spans", Made::ByRuns(Rows::Spans)),
    ("tool_calls", Made::OfTextInRuns(By::Time("first_time"))),
    ("traces", Made::OfTextInRuns(By::Time("at"))),
];

impl View {
    /// How its rows come to be.
    pub(crate) fn made(&self) -> Made {
        let made = MADE.iter().find(|(name, _)| *name == self.name);
        made.map_or(Made::OfText, |(_, made)| *made)
    }
}

/// The view of that name, if there is one.
#[must_use]
pub fn find(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_tells_its_grain_key_and_units() {
        for view in VIEWS {
            assert!(
                view.sql.starts_with(&format!("-- {}: ", view.name)),
                "{} is not called so in its first line",
                view.name
            );
            let header = Header::parse(view.sql);
            for part in [header.description, header.grain, header.key, header.units] {
                assert!(!part.is_empty(), "{} does not tell all", view.name);
            }
        }
    }

    #[test]
    fn views_are_listed_once_and_in_order() {
        assert!(VIEWS.is_sorted_by(|a, b| a.name < b.name));
    }
}
