//! `quipu report`: questions with a name, answered together with how complete the answer is.

use std::io::Write;

use anyhow::Result;
use clap::ValueEnum;
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::commands::sql::RowArgs;
use crate::completeness::CompletenessArgs;
use crate::output::Format;
use crate::query::Query;

const EXAMPLES: &str = "\
Examples:
  quipu report completeness                     threads of which something is missing, least complete first
  quipu report completeness --by hour
  quipu report gaps --format markdown
  quipu report gaps --format json | jq .completeness
  quipu report gaps --min-completeness 99.9%    exit code 1 when less of the messages is there

In JSON a report is one object: its name, completeness, rows. In jsonl the last line has the key completeness. In csv
and tsv the line about completeness goes to standard error.";

/// Arguments of `quipu report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which report
    #[arg(value_enum)]
    name: Name,

    /// What the completeness is told of
    #[arg(long, value_enum, default_value_t = Scope::Thread, value_name = "SCOPE")]
    by: Scope,

    #[command(flatten)]
    rows: RowArgs,

    #[command(flatten)]
    completeness: CompletenessArgs,
}

/// The reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// How much of what was sent is here; of threads and runs, those that are not known to be whole
    Completeness,
    /// Every gap, with its cause and its neighbours
    Gaps,
}

/// What a row of the completeness tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// A thread
    Thread,
    /// A run of a graph
    Run,
    /// A tenant
    Tenant,
    /// An hour
    Hour,
}

impl Name {
    fn title(self) -> &'static str {
        match self {
            Self::Completeness => "completeness",
            Self::Gaps => "gaps",
        }
    }

    fn sql(self, by: Scope) -> &'static str {
        match (self, by) {
            (Self::Gaps, _) => include_str!("report/gaps.sql"),
            (Self::Completeness, Scope::Thread) => include_str!("report/completeness_by_thread.sql"),
            (Self::Completeness, Scope::Run) => include_str!("report/completeness_by_run.sql"),
            (Self::Completeness, Scope::Tenant) => include_str!("report/completeness_by_tenant.sql"),
            (Self::Completeness, Scope::Hour) => include_str!("report/completeness_by_hour.sql"),
        }
    }
}

/// Prints a report.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let query = Query::open(&global.store_path())?;
    let found = runtime.block_on(query.completeness())?;
    args.completeness.check_known(&found)?;
    let style = args.rows.style();
    let mut out = query.output();
    let sql = args.name.sql(args.by);
    if style.format == Format::Json {
        out.text(&format!(
            "{{\"report\":\"{}\",\"completeness\":{},\"rows\":",
            args.name.title(),
            found.to_json()
        ))?;
    }
    runtime.block_on(query.run(sql, &style, &mut out))?;
    match style.format {
        Format::Json => out.line("}")?,
        Format::Jsonl => out.line(&format!("{{\"completeness\":{}}}", found.to_json()))?,
        Format::Csv | Format::Tsv => {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr().lock(), "{found}");
        }
        Format::Table | Format::Markdown | Format::Line => {
            if style.format.has_blank_line_between_results() {
                out.line("")?;
            }
            out.line(&found.to_string())?;
        }
    }
    out.flush()
}
