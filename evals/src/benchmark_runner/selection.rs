//! Which sessions or files are the runs of a benchmark.

use crate::converter::{Conversion, Converted};
use crate::error::{EvalError, Result};
use crate::metrics::{EvalMetric, EvalMetrics};

/// How runs are taken from analytics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BenchmarkOptions {
    /// Most runs that are taken.
    pub iterations: usize,
    /// Runs before them that are left out.
    pub warmup: Warmup,
    /// Level of intervals, between 0 and 1.
    pub confidence_level: f64,
    /// The slowdown that is accepted: 0.2 for 20 %.
    pub threshold: f64,
}

/// How many files warm up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warmup {
    /// So many, whatever is left.
    Exactly(usize),
    /// At most so many, of those that are more than `iterations`.
    OfSurplus(usize),
}

impl Default for BenchmarkOptions {
    fn default() -> Self {
        Self {
            iterations: 50,
            warmup: Warmup::OfSurplus(5),
            confidence_level: 0.95,
            threshold: 0.2,
        }
    }
}

/// The runs of a benchmark.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Their metrics; the latency of a run is `p95_latency`.
    pub runs: Vec<EvalMetrics>,
    /// What one run is: `session` or `file`.
    pub unit: &'static str,
    /// Runs that were left out to warm up.
    pub warmup: usize,
    /// What a reader should know of the choice.
    pub notes: Vec<String>,
}

/// Takes the runs from analytics, one document a file.
///
/// From one file the sessions are taken. Analytics list them by size and not by time, so none of them warms up, and where
/// there are more than `iterations` they are taken evenly over the list. Of several files each is one run, in their order. So
/// it is by [`Conversion::Reference`], too, which knows no sessions. No run is counted twice: fewer than asked for are told.
///
/// # Errors
///
/// There is nothing to take, `iterations` is 0, or a file has no latency: 0 ms would be the best run of all.
pub fn select(files: &[Converted], options: &BenchmarkOptions) -> Result<Selection> {
    if options.iterations == 0 {
        return Err(EvalError::Usage(
            "0 iterations measure nothing; ask for 1 or more".into(),
        ));
    }
    if let Some(place) = files
        .iter()
        .position(|file| file.values.get(EvalMetric::P95Latency).is_none())
    {
        return Err(EvalError::Invalid {
            what: "analytics",
            path: None,
            why: format!(
                "nothing was measured in file {} of {}: by the formulas '{}' it has no latency; leave it out, or run the \
                 application and analyse again",
                place + 1,
                files.len(),
                files[place].conversion
            ),
        });
    }
    let selection = match files {
        [one] if one.conversion == Conversion::Default => of_sessions(one, options),
        files => of_files(files, options),
    };
    if selection.runs.is_empty() {
        return Err(EvalError::Invalid {
            what: "analytics",
            path: None,
            why: format!(
                "no {} is left to measure; bring more, or leave out fewer with --warmup",
                selection.unit
            ),
        });
    }
    Ok(selection)
}

fn of_sessions(file: &Converted, options: &BenchmarkOptions) -> Selection {
    let sessions = &file.sessions;
    let (all, wanted) = (sessions.len(), options.iterations.min(sessions.len()));
    let mut notes = Vec::new();
    if wanted < all {
        notes.push(format!(
            "{wanted} of {all} sessions are taken, evenly over the list"
        ));
    } else if all < options.iterations {
        notes.push(format!(
            "{all} sessions are there and up to {} were asked for; none is counted twice",
            options.iterations
        ));
    }
    if let Warmup::Exactly(1..) = options.warmup {
        notes.push(
            "analytics do not tell the order of sessions, so none of them warms up; give one file a run for that".into(),
        );
    }
    Selection {
        runs: (0..wanted)
            .map(|index| sessions[index * all / wanted].clone())
            .collect(),
        unit: "session",
        warmup: 0,
        notes,
    }
}

fn of_files(files: &[Converted], options: &BenchmarkOptions) -> Selection {
    let mut notes = Vec::new();
    let warmup = match options.warmup {
        Warmup::Exactly(1..) if files.len() == 1 => {
            notes.push(
                "there is one file and it is measured, so none warms up; give one file a run for that".into(),
            );
            0
        }
        Warmup::Exactly(count) => count,
        Warmup::OfSurplus(count) => count.min(files.len().saturating_sub(options.iterations)),
    }
    .min(files.len());
    let runs: Vec<EvalMetrics> = files
        .iter()
        .skip(warmup)
        .take(options.iterations)
        .map(|file| file.metrics.clone())
        .collect();
    if runs.len() < options.iterations {
        notes.push(format!(
            "{} files are there and up to {} runs were asked for; none is counted twice",
            runs.len(),
            options.iterations
        ));
    }
    Selection {
        runs,
        unit: "file",
        warmup,
        notes,
    }
}
