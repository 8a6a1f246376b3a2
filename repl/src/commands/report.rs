//! `quipu report`: questions with a name, answered together with how complete the answer is.

use anyhow::Result;
use clap::ValueEnum;
use quipu::sql::Report;
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::failure::UsageError;
use crate::reports::{self, ReportArgs};

const EXAMPLES: &str = "\
Examples:
  quipu report                                  the summary
  quipu report tools --since 24h
  quipu report llm --tenant acme --format markdown
  quipu report runs --where \"status = 'failed'\"
  quipu report timeline conv_33229
  quipu report diff RUN_A RUN_B                 two runs, step by step
  quipu report completeness                     threads of which something is missing
  quipu report gaps --format json | jq .completeness
  quipu report gaps --min-completeness 99.9%    exit code 1 when less of the messages is there

In JSON a report is one object: its name, completeness, and a key for each section (rows, if it has one without a name).
In jsonl the last line has the key completeness. In csv and tsv the line about completeness goes to standard error.
Your own reports: quipu run FILE.sql.";

/// Arguments of `quipu report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which report
    #[arg(default_value = SUMMARY, long_help = list())]
    name: String,

    /// What the report is about, for those that need it: a thread, two runs
    #[arg(value_name = "VALUE")]
    values: Vec<String>,

    /// What report completeness is told of [default: thread]
    #[arg(long, value_enum, value_name = "SCOPE")]
    by: Option<Scope>,

    #[command(flatten)]
    report: ReportArgs,
}

const SUMMARY: &str = "summary";

/// The summary that knows the graph of each call.
const SUMMARY_OF_GRAPH: &str = "summary_of_graph";

/// The report whose text depends on `--by`.
const COMPLETENESS: &str = "completeness";

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

impl Scope {
    fn report(self) -> &'static str {
        match self {
            Self::Thread => "completeness_by_thread",
            Self::Run => "completeness_by_run",
            Self::Tenant => "completeness_by_tenant",
            Self::Hour => "completeness_by_hour",
        }
    }
}

/// The reports, for the help.
fn list() -> String {
    let mut text = "Which report:\n".to_owned();
    for (name, _) in quipu::sql::reports::REPORTS {
        let about = Report::built_in(name).map(|report| report.about().to_owned());
        text.push_str(&format!("- {name}: {}\n", about.unwrap_or_default()));
    }
    text.push_str("- completeness: the one of the four that --by names");
    text
}

/// Prints a report.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let name = match args.name.as_str() {
        COMPLETENESS => args.by.unwrap_or(Scope::Thread).report(),
        name if args.by.is_some() => {
            return Err(UsageError(format!(
                "--by is for report completeness, not for {name}: leave it out"
            ))
            .into());
        }
        SUMMARY if args.report.has_graph() => SUMMARY_OF_GRAPH,
        name => name,
    };
    let report = Report::built_in(name).map_err(reports::usage)?;
    reports::print(global, &args.name, report, &args.values, &args.report, runtime)
}
