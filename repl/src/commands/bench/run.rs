//! `quipu bench run`: measures a command.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use quipu::evals::Overwrite;
use quipu::evals::bench::{
    BenchError, Benchmark, CommandLine, Commands, Existing, Phase, Plan, Printed, Probe, RunOptions, Sample,
    Turn, WallTime, run,
};
use quipu::evals::kept::Kept;
use quipu::{Quipu, TelemetryProbe};
use tokio::runtime::Runtime;

use super::bounds::{BoundArgs, level};
use super::show;
use crate::cli::Global;
use crate::failure::{CannotJudge, UsageError};
use crate::outcome::OutcomeArgs;
use crate::progress::ProgressLine;
use crate::units;

/// Arguments of `quipu bench run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The command, behind --; it is started without a shell
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,

    /// Runs that count
    #[arg(short = 'n', long, default_value_t = 30, value_name = "N")]
    runs: usize,

    /// Runs before them, which do not count
    #[arg(long, default_value_t = 3, value_name = "N")]
    warmup: usize,

    /// Compare with this command: both run in turns. It is taken apart as a shell would, and started without one
    #[arg(
        long,
        value_name = "COMMAND",
        conflicts_with = "baseline",
        help_heading = "Comparison"
    )]
    vs: Option<String>,

    /// Compare with a saved benchmark
    #[arg(long, value_name = "FILE", help_heading = "Comparison")]
    baseline: Option<PathBuf>,

    #[command(flatten)]
    bounds: BoundArgs,

    /// Seed of the order in which two commands run
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Comparison")]
    seed: u64,

    /// What the benchmark is called [default: the command]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Save every run into a file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Replace the file of --save if it is there already
    #[arg(long, requires = "save")]
    update: bool,

    /// How long a run may take, such as 30s; one that takes longer is ended and counts as failed [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    timeout: Option<Duration>,

    /// Runs of a command that may fail before the benchmark is given up
    #[arg(long, default_value_t = 3, value_name = "N")]
    max_failures: usize,

    /// Measure each run by its own telemetry as well: the command writes a frames file to the path in QUIPU_TELEMETRY, and the
    /// runs of graphs in it are what is measured
    #[arg(long)]
    telemetry: bool,

    /// Keep the benchmark in the store, for the view benchmark_results
    #[arg(long)]
    keep: bool,

    /// Show on standard error what the command prints
    #[arg(long)]
    show_output: bool,

    /// Level of intervals
    #[arg(long, default_value = "0.95", value_name = "LEVEL", value_parser = level)]
    level: f64,

    #[command(flatten)]
    outcome: OutcomeArgs,
}

/// Runs a command many times and tells how long it takes; with a comparison, what follows.
pub(crate) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let current = CommandLine::new(args.command.clone()).map_err(usage)?;
    let vs = args
        .vs
        .as_deref()
        .map(CommandLine::split)
        .transpose()
        .map_err(usage)?;
    args.check()?;
    // Before the runs: it would be a pity to learn it after them.
    let saved = args.baseline.as_deref().map(Benchmark::load).transpose();
    let saved = saved.map_err(|wrong| CannotJudge(wrong.into()))?;

    if args.keep {
        // Likewise: a benchmark is kept in a store that is there.
        Quipu::open(global.store_path())?;
    }
    let plan = match &vs {
        Some(_) => Plan::interleaved(args.warmup, args.runs, args.seed),
        None => Plan::single(args.warmup, args.runs),
    };
    let begin = |command: &CommandLine, name: Option<&String>| {
        let name = name.cloned().unwrap_or_else(|| command.to_string());
        let mut benchmark = Benchmark::begin(name, command.clone());
        benchmark.warmup = args.warmup;
        benchmark.seed = vs.as_ref().map(|_| args.seed);
        benchmark
    };
    let mut measured = begin(&current, args.name.as_ref());
    let other = vs.as_ref().map(|command| begin(command, None));
    let commands = Commands {
        current: &current,
        baseline: vs.as_ref(),
    };
    let mut telemetry = args
        .telemetry
        .then(|| TelemetryProbe::new(runtime.handle().clone()))
        .transpose()
        .context("cannot make a folder for the telemetry")?;
    let mut wall_time = WallTime::default();
    // The clock is the nearest to the run.
    let mut probes: Vec<&mut dyn Probe> = telemetry
        .iter_mut()
        .map(|probe| probe as &mut dyn Probe)
        .collect();
    probes.push(&mut wall_time);
    let mut progress = RunProgress::new(plan.turns().len());
    let samples = run(&plan, &commands, &args.options(), &mut probes, |turn, sample| {
        progress.show(turn, sample)
    });
    progress.line.end();
    let samples = match samples {
        Ok(samples) => samples,
        Err(wrong) if other.is_some() || saved.is_some() => return Err(CannotJudge(wrong.into()).into()),
        Err(wrong) => return Err(wrong.into()),
    };
    measured.samples = samples.current;
    if let Some(file) = &args.save {
        measured.save(file, args.existing())?;
    }
    if args.keep {
        let name = Kept::name_of_now(&measured.name);
        Kept::Benchmark.keep(&global.store_path(), &name, &measured, Overwrite::No)?;
    }
    let other = other.map(|mut other| {
        other.samples = samples.baseline;
        other
    });
    match other.as_ref().or(saved.as_ref()) {
        None => show::print(&measured, args.level, &args.outcome),
        Some(baseline) => {
            if args.outcome.is_text() {
                show::print(baseline, args.level, &args.outcome)?;
                show::blank_line()?;
                show::print(&measured, args.level, &args.outcome)?;
                show::blank_line()?;
            }
            args.bounds.tell(baseline, &measured, args.level, &args.outcome)
        }
    }
}

fn usage(wrong: BenchError) -> UsageError {
    UsageError(wrong.to_string())
}

impl Args {
    /// What can be known to be wrong before anything runs.
    fn check(&self) -> Result<()> {
        if self.runs == 0 {
            return Err(UsageError(
                "0 runs measure nothing: use -n 1 or more, 5 at least for a conclusion".to_owned(),
            )
            .into());
        }
        if self.vs.is_none() && self.baseline.is_none() {
            self.outcome.check_without_verdict("give --vs or --baseline")?;
        }
        match &self.save {
            Some(file)
                if !self.update
                    && file
                        .try_exists()
                        .with_context(|| format!("cannot look at {}", file.display()))? =>
            {
                Err(UsageError(format!(
                    "{} is there already: choose another name, or replace it with --update",
                    file.display()
                ))
                .into())
            }
            _ => Ok(()),
        }
    }

    fn options(&self) -> RunOptions {
        RunOptions {
            timeout: self.timeout,
            failures_max: self.max_failures,
            printed: if self.show_output {
                Printed::Shown
            } else {
                Printed::Discarded
            },
        }
    }

    fn existing(&self) -> Existing {
        if self.update {
            Existing::Replace
        } else {
            Existing::Keep
        }
    }
}

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// How far a benchmark is.
struct RunProgress {
    line: ProgressLine,
    shown: Instant,
    made: usize,
    turns: usize,
    failed: usize,
}

impl RunProgress {
    fn new(turns: usize) -> Self {
        Self {
            line: ProgressLine::new(),
            shown: Instant::now(),
            made: 0,
            turns,
            failed: 0,
        }
    }

    fn show(&mut self, turn: &Turn, sample: &Sample) {
        self.made += 1;
        self.failed += usize::from(sample.failure.is_some());
        if self.shown.elapsed() < PROGRESS_EVERY {
            return;
        }
        self.shown = Instant::now();
        let phase = match turn.phase {
            Phase::Warmup => " (warm-up)",
            Phase::Measured => "",
        };
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        self.line
            .show(&format!("run {} of {}{phase}{failed}", self.made, self.turns));
    }
}
