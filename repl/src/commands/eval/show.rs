//! `quipu eval show`: the metrics of runs, with confidence intervals.

use anyhow::Result;
use tokio::runtime::Runtime;

use super::metrics::{MetricArgs, library};
use super::selection::SelectionArgs;
use crate::cli::Global;
use crate::commands::sql::RowArgs;
use crate::completeness::CompletenessArgs;

/// Arguments of `quipu eval show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    metrics: MetricArgs,

    #[command(flatten)]
    rows: RowArgs,

    #[command(flatten)]
    completeness: CompletenessArgs,
}

/// Runs it.
pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let (query, gate) = args.metrics.open(global, runtime)?;
    runtime.block_on(args.completeness.check(&query))?;
    let measured = runtime
        .block_on(gate.measure(&args.selection.filter()))
        .map_err(library)?;
    let rows = runtime.block_on(gate.summary(&measured)).map_err(library)?;
    let mut output = query.output();
    runtime.block_on(query.run(rows, &args.rows.style(), &mut output))?;
    Ok(())
}
