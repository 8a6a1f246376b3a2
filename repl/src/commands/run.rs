//! `quipu run`: reports that users write.

use std::path::{Path, PathBuf};

use anyhow::Result;
use quipu::sql::Report;
use tokio::runtime::Runtime;

use crate::cli::Global;
use crate::failure::UsageError;
use crate::reports::{self, ReportArgs};

const EXAMPLES: &str = "\
Examples:
  quipu run slow.sql
  quipu run slow.sql -p top=5 --since 24h
  quipu run slow.sql -p top=5 --format markdown > slow.md

A report is a file with SQL statements. Its header says what may be asked of it; every line of it may be left out:

  -- slow: the runs that took longest.
  -- Param: top count = 20 -- how many
  -- Filter: time = started, tenant = tenant_id, thread = thread_id, graph = graph_name
  -- Section: runs
  select run_id, duration_us from runs where $filter order by duration_us desc limit $top;

Types of parameters: text, integer, count, number, boolean, time. One without default must be given, by -p or behind the file.
$filter stands for --since, --until, --tenant, --thread, --graph and --where.";

/// Arguments of `quipu run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// File with the report
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Values of the parameters that must be given, in their order
    #[arg(value_name = "VALUE")]
    values: Vec<String>,

    #[command(flatten)]
    report: ReportArgs,
}

/// Prints the report in a file.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let text = std::fs::read_to_string(&args.file).map_err(|error| {
        let file = args.file.display();
        UsageError(format!(
            "cannot read the report {file}: {error}; name a file with SQL"
        ))
    })?;
    let name = args.file.file_stem().unwrap_or(args.file.as_os_str());
    let name = Path::new(name).display().to_string();
    let report = Report::parse(&name, &text).map_err(reports::usage)?;
    reports::print(global, &name, report, &args.values, &args.report, runtime)
}
