//! `quipu eval save`: keeps the metrics of runs as a baseline.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use quipu::evals::Overwrite;
use quipu::evals::kept::Kept;
use tokio::runtime::Runtime;

use super::metrics::{MetricArgs, document, left_out, library};
use super::selection::SelectionArgs;
use crate::cli::Global;
use crate::completeness::CompletenessArgs;
use crate::failure::CannotJudge;

/// Arguments of `quipu eval save`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the application
    #[arg(long, default_value = "app", value_name = "NAME")]
    app: String,

    /// Version of the application
    #[arg(long, default_value = "1.0.0", value_name = "VERSION")]
    version: String,

    /// Where the baseline is written [default: kept in the store as APP_vVERSION]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Replace a baseline that is there
    #[arg(long)]
    update: bool,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    metrics: MetricArgs,

    #[command(flatten)]
    completeness: CompletenessArgs,
}

/// Runs it.
pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let (query, gate) = args.metrics.open(global, runtime)?;
    let measured = runtime
        .block_on(gate.measure(&args.selection.filter()))
        .map_err(library)?;
    if measured.samples.iter().all(|sample| sample.values.is_empty()) {
        return Err(CannotJudge(anyhow!(
            "no run is selected, so there is nothing to keep: see `quipu report runs`"
        ))
        .into());
    }
    let found = runtime.block_on(query.completeness())?;
    args.completeness.check_gate(&found)?;
    let baseline = runtime
        .block_on(gate.baseline(&args.app, &args.version, &measured))
        .map_err(library)?;
    let overwrite = if args.update {
        Overwrite::Yes
    } else {
        Overwrite::No
    };
    let path = match &args.file {
        Some(path) => {
            baseline.save_as(path, overwrite).map_err(document)?;
            path.clone()
        }
        None => {
            let name = format!("{}_v{}", args.app, args.version);
            Kept::Baseline
                .keep(query.quipu().path(), &name, &baseline, overwrite)
                .map_err(document)?
        }
    };
    let mut output = query.output();
    output.line(&format!("Baseline saved to {}", path.display()))?;
    for sample in measured.samples.iter().filter(|sample| !sample.values.is_empty()) {
        let metric = &sample.metric;
        let value = metric
            .statistic
            .of(&sample.values)
            .map(|value| metric.unit.show(value));
        let (name, value) = (&metric.name, value.unwrap_or_default());
        output.line(&format!(
            "  {name:<20} {value:>14}  of {} values",
            sample.values.len()
        ))?;
    }
    for note in left_out(&measured) {
        output.line(&note)?;
    }
    output.line(&found.to_string())
}
