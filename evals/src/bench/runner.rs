//! Making the runs of a benchmark.

use std::io;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use wait_timeout::ChildExt;

use super::command::CommandLine;
use super::error::BenchError;
use super::plan::{Phase, Plan, Side, Turn};
use super::probe::Probe;
use super::sample::{Failure, Sample};

/// What happens to what a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Printed {
    /// It is thrown away.
    #[default]
    Discarded,
    /// It goes to standard error of this process, whose standard output is for results.
    Shown,
}

/// How runs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// How long a run may take; one that takes longer is ended and counts as failed. Processes that it has started by
    /// itself are not ended.
    pub timeout: Option<Duration>,
    /// How many runs of a command may fail, warm-up included, before the benchmark is given up.
    pub failures_max: usize,
    /// What happens to what the command prints.
    pub printed: Printed,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            timeout: None,
            failures_max: 3,
            printed: Printed::default(),
        }
    }
}

/// The samples of both commands, in the order of their runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Of the command that is judged.
    pub current: Vec<Sample>,
    /// Of the command that it is compared with; empty if there is none.
    pub baseline: Vec<Sample>,
}

/// The commands of a benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Commands<'a> {
    /// The one that is judged.
    pub current: &'a CommandLine,
    /// The one that it is compared with.
    pub baseline: Option<&'a CommandLine>,
}

impl<'a> Commands<'a> {
    fn of(&self, side: Side) -> &'a CommandLine {
        match (side, self.baseline) {
            (Side::Baseline, Some(baseline)) => baseline,
            (Side::Baseline | Side::Current, _) => self.current,
        }
    }
}

/// Makes the runs of a plan, one after another. `told` is called with each sample, those of the warm-up too.
///
/// # Errors
/// [`BenchError::Start`] if a command cannot be started, [`BenchError::TooManyFailures`] if more runs of a command fail than may,
/// [`BenchError::Probe`] if a run cannot be measured.
pub fn run(
    plan: &Plan,
    commands: &Commands<'_>,
    options: &RunOptions,
    probes: &mut [&mut dyn Probe],
    mut told: impl FnMut(&Turn, &Sample),
) -> Result<Samples, BenchError> {
    let mut samples = Samples::default();
    let (mut failed_current, mut failed_baseline) = (0, 0);
    for turn in plan.turns() {
        let command = commands.of(turn.side);
        let sample = run_once(turn, command, options, probes)?;
        told(turn, &sample);
        let (kept, failed) = match turn.side {
            Side::Current => (&mut samples.current, &mut failed_current),
            Side::Baseline => (&mut samples.baseline, &mut failed_baseline),
        };
        if let Some(last) = sample.failure {
            *failed += 1;
            if *failed > options.failures_max {
                return Err(BenchError::TooManyFailures {
                    command: command.to_string(),
                    failed: *failed,
                    allowed: options.failures_max,
                    last,
                });
            }
        }
        if turn.phase == Phase::Measured {
            kept.push(sample);
        }
    }
    Ok(samples)
}

fn run_once(
    turn: &Turn,
    command: &CommandLine,
    options: &RunOptions,
    probes: &mut [&mut dyn Probe],
) -> Result<Sample, BenchError> {
    let mut process = command.to_process();
    // A command that waited for the terminal would be measured waiting for the user.
    process.stdin(Stdio::null());
    for print in [std::process::Command::stdout, std::process::Command::stderr] {
        print(
            &mut process,
            match options.printed {
                Printed::Discarded => Stdio::null(),
                Printed::Shown => io::stderr().into(),
            },
        );
    }
    let unmeasured = |wrong: super::probe::ProbeError| BenchError::Probe {
        command: command.to_string(),
        wrong: wrong.to_string(),
    };
    for probe in probes.iter() {
        process.envs(probe.variables());
    }
    for probe in probes.iter_mut() {
        probe.before().map_err(unmeasured)?;
    }
    let mut child = process.spawn().map_err(|source| BenchError::Start {
        command: command.to_string(),
        source,
    })?;
    let ended = wait(&mut child, options.timeout).map_err(|source| BenchError::Wait {
        command: command.to_string(),
        source,
    })?;
    let mut sample = Sample {
        number: turn.number,
        failure: ended,
        ..Sample::default()
    };
    if sample.failure.is_none() {
        for probe in probes.iter_mut().rev() {
            for (metric, value) in probe.after().map_err(unmeasured)? {
                sample.metrics.entry(metric).or_default().push(value);
            }
        }
    }
    Ok(sample)
}

/// Waits for the end of a process, and says how it failed, if it did.
fn wait(child: &mut Child, timeout: Option<Duration>) -> io::Result<Option<Failure>> {
    let status = match timeout {
        None => child.wait()?,
        Some(timeout) => match child.wait_timeout(timeout)? {
            Some(status) => status,
            None => {
                child.kill()?;
                child.wait()?;
                let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                return Ok(Some(Failure::TimedOutAfterMs(ms)));
            }
        },
    };
    Ok(failure(status))
}

fn failure(status: ExitStatus) -> Option<Failure> {
    if status.success() {
        return None;
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Some(Failure::Signal(signal));
    }
    // Every way to fail other than a signal has a code.
    Some(Failure::ExitCode(status.code().unwrap_or(-1)))
}
