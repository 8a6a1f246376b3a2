//! A long run with somebody watching: progress and notices on standard error, signals that stop it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use quipu::ingest::{Notice, Progress, ProgressCounts, Stop};
use quipu::metrics::MetricsServer;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::failure::one_line;
use crate::progress::{ProgressLine, counted, grouped, rate};

/// How often progress is shown.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Notices that wait to be shown; a run that has more to say waits itself.
const NOTICES_MAX: usize = 64;

/// The exit code of a program that a signal ended (128 + SIGINT).
const KILLED: i32 = 130;

/// What the lag of a run counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remaining {
    /// Records in Kafka.
    Records,
    /// Bytes of a file.
    Bytes,
}

/// What else is done for a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// The store that the run writes.
    pub(crate) store: PathBuf,
    /// Where its metrics are served.
    pub(crate) metrics: Option<SocketAddr>,
}

impl Watch {
    /// Begins to serve metrics, and says where.
    fn serve(&self, runtime: &Runtime, progress: &Arc<Progress>) -> Result<Option<MetricsServer>> {
        let Some(address) = self.metrics else {
            return Ok(None);
        };
        let server = MetricsServer::start(address, self.store.clone(), Arc::clone(progress));
        let server = runtime
            .block_on(server)
            .with_context(|| format!("cannot serve metrics at {address}: use another --metrics"))?;
        say(&format!("metrics at http://{}/metrics", server.address()));
        Ok(Some(server))
    }
}

/// What a run is given.
#[derive(Debug)]
pub(crate) struct Run {
    /// Raised when the run shall end.
    pub(crate) stop: Stop,
    /// Where the run counts.
    pub(crate) progress: Arc<Progress>,
    notices: mpsc::Sender<Notice>,
}

impl Run {
    /// Shows a notice. Must not be called from within a runtime.
    pub(crate) fn notify(&self, notice: Notice) {
        // Nobody listens any more once the program ends.
        let _ = self.notices.blocking_send(notice);
    }
}

/// Runs work that blocks on a thread of its own until it is done. SIGINT or SIGTERM asks it to stop, a second one ends
/// the process at once.
pub(crate) fn run(
    runtime: &Runtime,
    remaining: Remaining,
    watch_over: &Watch,
    work: impl FnOnce(&Run) -> Result<ProgressCounts> + Send + 'static,
) -> Result<ProgressCounts> {
    let (sender, notices) = mpsc::channel(NOTICES_MAX);
    let (done, ended) = oneshot::channel();
    let run = Run {
        stop: Stop::default(),
        progress: Arc::default(),
        notices: sender,
    };
    let (stop, progress) = (run.stop.clone(), Arc::clone(&run.progress));
    let _server = watch_over.serve(runtime, &progress)?;
    let worker = thread::Builder::new()
        .name("ingest".to_owned())
        .spawn(move || {
            let result = work(&run);
            // Received or not, the thread is joined.
            let _ = done.send(());
            result
        })
        .context("cannot start a thread")?;
    let watched = runtime.block_on(watch(remaining, &stop, &progress, notices, ended));
    if watched.is_err() {
        stop.raise();
    }
    let result = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
    progress.set_ended();
    watched?;
    result
}

/// Says what is going on until the work has ended, also by a panic.
async fn watch(
    remaining: Remaining,
    stop: &Stop,
    progress: &Progress,
    mut notices: mpsc::Receiver<Notice>,
    mut ended: oneshot::Receiver<()>,
) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, when there is nothing to show.
    ticks.tick().await;
    let mut line = ProgressLine::new();
    let (mut before, mut shown_at) = (ProgressCounts::default(), Instant::now());
    loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => signalled(stop, &mut line),
            _ = terminate.recv() => signalled(stop, &mut line),
            Some(notice) = notices.recv() => say_notice(&notice, &mut line),
            _ = &mut ended => break,
            _ = ticks.tick() => {
                let counts = progress.counts();
                line.show(&text(&counts, &before, shown_at.elapsed(), remaining));
                (before, shown_at) = (counts, Instant::now());
            }
        }
    }
    while let Ok(notice) = notices.try_recv() {
        say_notice(&notice, &mut line);
    }
    line.end();
    Ok(())
}

/// What a signal does: the first asks, the second does not.
fn signalled(stop: &Stop, line: &mut ProgressLine) {
    line.end();
    if stop.is_raised() {
        end_at_once();
    }
    stop.raise();
    say("stopping: what was read is being committed; once more stops at once");
}

/// Ends the process, as a second signal asks.
#[expect(
    clippy::disallowed_methods,
    reason = "asked for twice; a store survives this at any moment, and the system releases its lock"
)]
pub(crate) fn end_at_once() -> ! {
    std::process::exit(KILLED)
}

fn say_notice(notice: &Notice, line: &mut ProgressLine) {
    line.end();
    match notice {
        Notice::Info(text) => say(&one_line(text)),
        Notice::Warning(text) => say(&format!("warning: {}", one_line(text))),
    }
}

/// Says how a run ended.
pub(crate) fn say_summary(counts: &ProgressCounts) {
    say(&summary(counts));
}

fn say(text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The line for these counters, `elapsed` after those before.
fn text(counts: &ProgressCounts, before: &ProgressCounts, elapsed: Duration, remaining: Remaining) -> String {
    let lag = match remaining {
        Remaining::Records => format!("lag {}", grouped(counts.lag)),
        Remaining::Bytes => format!("{} MB left", grouped(counts.lag.div_ceil(1_000_000))),
    };
    format!(
        "{}, {}/s, {lag}, {}, {}",
        counted(counts.messages, "message"),
        grouped(rate(counts.messages.saturating_sub(before.messages), elapsed)),
        counted(counts.dead_letters, "dead letter"),
        counted(counts.gaps, "gap"),
    )
}

fn summary(counts: &ProgressCounts) -> String {
    format!(
        "{} from {}, {}, {}, in {}",
        counted(counts.messages, "message"),
        counted(counts.records, "record"),
        counted(counts.dead_letters, "dead letter"),
        counted(counts.gaps, "gap"),
        counted(counts.commits, "commit"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: ProgressCounts = ProgressCounts {
        records: 13_001,
        messages: 13_345,
        dead_letters: 1,
        gaps: 0,
        commits: 1,
        rows: 13_346,
        bytes: 2_000_000,
        lag: 1_200,
    };

    #[test]
    fn the_line_says_rate_lag_dead_letters_and_gaps() {
        let before = ProgressCounts {
            messages: 1_000,
            ..ProgressCounts::default()
        };
        assert_eq!(
            text(&COUNTS, &before, Duration::from_secs(2), Remaining::Records),
            "13,345 messages, 6,173/s, lag 1,200, 1 dead letter, 0 gaps"
        );
        assert_eq!(
            text(&COUNTS, &before, Duration::from_secs(2), Remaining::Bytes),
            "13,345 messages, 6,173/s, 1 MB left, 1 dead letter, 0 gaps"
        );
    }

    #[test]
    fn the_summary_counts_what_was_taken_in() {
        assert_eq!(
            summary(&COUNTS),
            "13,345 messages from 13,001 records, 1 dead letter, 0 gaps, in 1 commit"
        );
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn the_result_of_the_work_is_handed_on_and_its_notices_are_taken() {
        let counts = run(&runtime(), Remaining::Records, &Watch::default(), |run| {
            for number in 0..2 * NOTICES_MAX {
                run.notify(Notice::Info(number.to_string()));
            }
            Ok(COUNTS)
        });
        assert_eq!(counts.unwrap(), COUNTS);
        let failed = run(&runtime(), Remaining::Bytes, &Watch::default(), |_| {
            anyhow::bail!("no such file")
        });
        assert_eq!(failed.unwrap_err().to_string(), "no such file");
    }

    #[test]
    #[should_panic(expected = "broken")]
    fn a_panic_of_the_work_is_not_swallowed() {
        let _ = run(&runtime(), Remaining::Records, &Watch::default(), |_| {
            panic!("broken")
        });
    }
}
