//! How long a commit takes in a store of a thousand segments, part by part. Figures, and no test: run it with
//! `cargo test --release -p quipu-tests --test limits_store -- --ignored --nocapture`, and with `QUIPU_FIGURES_STORE` set
//! to a folder that does not exist to keep the store.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quipu_fleet::{Canonical, CanonicalOptions};
use quipu_ingest::raw::{RawHeaders, RawRecord};
use quipu_ingest::{PartitionSlot, PartitionStart, Pipeline, PipelineOptions, Progress};
use quipu_proto::{LogPartition, PartitionId, TopicIncarnation};
use quipu_store::{CommitReport, Head};
use quipu_tests::rows::snapshot;

const PARTITIONS: i32 = 4;
const SEGMENTS: usize = 1_000;

struct Feed {
    pipeline: Pipeline,
    slots: Vec<(PartitionSlot, i64)>,
    messages: Canonical,
}

impl Feed {
    fn open(store: &Path) -> Self {
        let progress = Arc::new(Progress::default());
        let mut pipeline = Pipeline::open(store, PipelineOptions::default(), progress).unwrap();
        let log = TopicIncarnation::new("figures", "1");
        let start = PartitionStart {
            start_offset: 0,
            log_start: 0,
            head: Head::FromOne,
        };
        let slots = (0..PARTITIONS)
            .map(|partition| {
                let partition = LogPartition::new(log.clone(), PartitionId(partition));
                (pipeline.open_partition(&partition, start), 0)
            })
            .collect();
        Self {
            pipeline,
            slots,
            messages: Canonical::new(CanonicalOptions {
                messages: u64::MAX,
                ..CanonicalOptions::default()
            }),
        }
    }

    /// Commits so many messages. Gives what the commit tells and how long the call took.
    fn commit(&mut self, messages: usize) -> (CommitReport, Duration) {
        for message in self.messages.by_ref().take(messages) {
            let (slot, next) = &mut self.slots[message.partition as usize];
            let record = RawRecord {
                offset: *next,
                timestamp_ms: message.time_us / 1_000,
                key: Some(message.key.as_bytes()),
                value: Some(&message.payload),
                headers: RawHeaders::NONE,
            };
            *next += 1;
            self.pipeline.push(*slot, &record).unwrap();
        }
        let began = Instant::now();
        let report = self.pipeline.flush().unwrap().unwrap();
        (report, began.elapsed())
    }
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    let of = |at: usize| times[at].as_secs_f64() * 1e3;
    format!(
        "{:6.1} (least {:.1}, most {:.1})",
        of(times.len() / 2),
        of(0),
        of(times.len() - 1)
    )
}

#[test]
#[ignore = "takes figures, and checks nothing"]
fn commits_at_a_thousand_segments() {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("QUIPU_FIGURES_STORE").map(PathBuf::from);
    let store = kept.unwrap_or_else(|| folder.path().join("store"));
    let mut feed = Feed::open(&store);
    let mut segments = 0;
    // What is measured comes before and after the thousandth.
    while segments < SEGMENTS - 165 {
        segments += feed.commit(500).0.segments.len();
    }
    for messages in [500, 5_000, 20_000] {
        let commits: Vec<(CommitReport, Duration)> = (0..11).map(|_| feed.commit(messages)).collect();
        let of = |part: fn(&CommitReport) -> Duration| {
            median(commits.iter().map(|(report, _)| part(report)).collect())
        };
        println!(
            "{messages} messages a commit, {} segments each, in ms:",
            commits[0].0.segments.len()
        );
        println!("  press   {}", of(|report| report.press));
        println!("  sync    {}", of(|report| report.sync));
        println!("  publish {}", of(|report| report.publish));
        println!(
            "  flush   {}",
            median(commits.iter().map(|(_, took)| *took).collect())
        );
    }
    let manifest = snapshot(&store);
    let manifest = manifest.manifest();
    println!("{} live segments at the end", manifest.segments.len());
}
