//! Which runs are measured.

use quipu::sql::reports::Filter;

use crate::reports::time;

/// Which runs are measured.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which runs")]
pub(super) struct SelectionArgs {
    /// Only from this time on: 2026-01-02T03:04:05Z, 2026-01-02, or how long ago, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<i64>,

    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<i64>,

    /// Only this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,

    /// Only graphs of this name
    #[arg(long, value_name = "GRAPH")]
    graph: Option<String>,

    /// Only what fulfils a condition, in SQL over columns that the views of all metrics have, such as tenant_id and run_id
    #[arg(long = "where", value_name = "SQL")]
    condition: Option<String>,
}

impl SelectionArgs {
    /// As the filter of a report.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            since_us: self.since,
            until_us: self.until,
            tenant: self.tenant.clone(),
            thread: None,
            graph: self.graph.clone(),
            condition: self.condition.clone(),
        }
    }
}
