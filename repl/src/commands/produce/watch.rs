//! A replay with somebody watching: progress on standard error, signals that stop it.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use quipu::client::replay::{ReplayCounts, ReplayOptions, ReplayProgress, replay as send};
use quipu::ingest::kafka::address::BrokerAddress;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::source::Records;
use crate::commands::ingest::attend::end_at_once;
use crate::progress::{ProgressLine, counted, grouped, rate};

/// How often progress is shown.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Sends records and says how far it is. The second value says why the first record failed that did.
pub(super) fn replay(
    runtime: &Runtime,
    brokers: Vec<BrokerAddress>,
    topic: &str,
    records: Records,
    options: ReplayOptions,
) -> Result<(ReplayCounts, Option<String>)> {
    let progress = Arc::new(ReplayProgress::default());
    let began = Instant::now();
    let sent = runtime.block_on(watched(brokers, topic, records, options, &progress));
    let counts = progress.counts();
    say(&summary(&counts, topic, began.elapsed()));
    sent?;
    Ok((counts, progress.first_failure()))
}

async fn watched(
    brokers: Vec<BrokerAddress>,
    topic: &str,
    records: Records,
    options: ReplayOptions,
    progress: &Arc<ReplayProgress>,
) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, when there is nothing to show.
    ticks.tick().await;
    let stop = Notify::new();
    let sending = send(brokers, topic, records, options, progress, stop.notified());
    tokio::pin!(sending);
    let mut line = ProgressLine::new();
    let (mut before, mut shown_at) = (ReplayCounts::default(), Instant::now());
    let mut is_stopping = false;
    let sent = loop {
        let is_signalled = tokio::select! {
            biased;
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            sent = &mut sending => break sent,
            _ = ticks.tick() => false,
        };
        if is_signalled {
            line.end();
            if is_stopping {
                end_at_once();
            }
            is_stopping = true;
            stop.notify_one();
            say("stopping: waiting for what was sent; once more stops at once");
        } else {
            let counts = progress.counts();
            line.show(&text(&counts, &before, shown_at.elapsed()));
            (before, shown_at) = (counts, Instant::now());
        }
    };
    line.end();
    Ok(sent?)
}

/// The line for these counters, `elapsed` after those before.
fn text(counts: &ReplayCounts, before: &ReplayCounts, elapsed: Duration) -> String {
    format!(
        "{}, {}/s, {} on their way, {} failed",
        counted(counts.delivered, "record"),
        grouped(rate(counts.delivered.saturating_sub(before.delivered), elapsed)),
        grouped(counts.read.saturating_sub(counts.delivered + counts.failed)),
        grouped(counts.failed),
    )
}

fn summary(counts: &ReplayCounts, topic: &str, elapsed: Duration) -> String {
    format!(
        "{} to {topic}, {} MB, in {:.1} s ({}/s), {} failed",
        counted(counts.delivered, "record"),
        grouped(counts.bytes.div_ceil(1_000_000)),
        elapsed.as_secs_f64(),
        grouped(rate(counts.delivered, elapsed)),
        grouped(counts.failed),
    )
}

fn say(text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_was_acknowledged_and_what_was_not() {
        let counts = ReplayCounts {
            read: 12_500,
            delivered: 12_000,
            failed: 3,
            bytes: 4_500_001,
        };
        let before = ReplayCounts {
            delivered: 2_000,
            ..ReplayCounts::default()
        };
        assert_eq!(
            text(&counts, &before, Duration::from_secs(2)),
            "12,000 records, 5,000/s, 497 on their way, 3 failed"
        );
        assert_eq!(
            summary(&counts, "t", Duration::from_secs(4)),
            "12,000 records to t, 5 MB, in 4.0 s (3,000/s), 3 failed"
        );
    }
}
