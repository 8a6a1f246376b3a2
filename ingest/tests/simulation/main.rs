//! A seeded simulation of the log, the clock and the files: whatever goes wrong, a store holds what an oracle computes
//! from the log alone, and a seed that failed fails again.
//!
//! | file | noun |
//! |---|---|
//! | `log.rs` | the log: messages with gaps, copies and late ones, dead letters, offset holes, damaged batches |
//! | `account.rs` | the oracle: rows, verdicts, dead letters, holes, runs and positions of any prefix |
//! | `seen.rs` | the same, as a store says it |
//! | `source.rs` | hands the log to a pipeline, some of it twice |
//! | `book.rs` | what happens to the index of the sequence book |
//! | `world.rs` | a simulation: lives, faults, power losses, and the comparison after each |
//! | `boundaries.rs` | the index harmed at every commit |

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking"
)]

mod account;
mod book;
mod boundaries;
mod log;
mod seen;
mod source;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use quipu_disk::Trust;

use crate::seen::Found;
use crate::world::{Summary, simulate};

/// Seeds that are tried, unless the environment names one.
const SEEDS: u64 = 200;

/// Runs a simulation; a panic is a finding like any other.
fn outcome(seed: u64, trust: Trust) -> Found<Summary> {
    catch_unwind(AssertUnwindSafe(|| simulate(seed, trust))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "it panicked".to_owned()))
    })
}

fn replay(seed: u64) -> String {
    format!(
        "QUIPU_SIMULATION_SEED={seed} cargo test --release -p quipu-ingest --test simulation whatever -- --nocapture"
    )
}

#[test]
fn whatever_goes_wrong_a_store_holds_what_the_oracle_computes_from_the_log() {
    let named = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match named("QUIPU_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..named("QUIPU_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    let start = std::time::Instant::now();
    let count = seeds.end - seeds.start;
    let next = AtomicU64::new(seeds.start);
    let (failures, total) = (Mutex::new(Vec::new()), Mutex::new(Summary::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    match outcome(seed, Trust::Honest) {
                        Ok(summary) => total.lock().unwrap().add(&summary),
                        Err(what) => failures.lock().unwrap().push((seed, what)),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    for (seed, what) in &failures {
        eprintln!("seed {seed}: {what}\n    {}", replay(*seed));
    }
    let total = total.into_inner().unwrap();
    eprintln!("{count} seeds in {} s: {total:?}", start.elapsed().as_secs());
    assert!(failures.is_empty(), "{} of {count} seeds fail", failures.len());
    if count >= SEEDS {
        let per_seed = |what: usize, least: usize| what >= least * usize::try_from(count).unwrap() / 10;
        assert!(per_seed(total.faults, 10), "{total:?}");
        assert!(per_seed(total.deaths, 5), "{total:?}");
        assert!(per_seed(total.power_losses, 10), "{total:?}");
        assert!(per_seed(total.harms, 5), "{total:?}");
        assert!(total.doubts_confirmed > 0, "{total:?}");
    }
}

impl Summary {
    fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.commits += other.commits;
        self.calls += other.calls;
        self.faults += other.faults;
        self.deaths += other.deaths;
        self.power_losses += other.power_losses;
        self.doubts_confirmed += other.doubts_confirmed;
        self.harms += other.harms;
    }
}

/// The bugs that are planted: some syncs do nothing, as if the store committed before it synced, or not at all.
#[test]
fn a_store_that_does_without_a_sync_is_caught() {
    for trust in [
        Trust::NoFileSync(".parquet"),
        Trust::NoFileSync(".manifest"),
        Trust::NoFolderSync("segments"),
        Trust::NoFolderSync("manifest"),
    ] {
        let caught = (0..SEEDS).find_map(|seed| outcome(seed, trust).err().map(|what| (seed, what)));
        let (seed, what) = caught.unwrap_or_else(|| panic!("{trust:?} is not caught"));
        eprintln!("{trust:?} is caught by seed {seed}: {what}");
        assert_eq!(
            outcome(seed, Trust::Honest).err(),
            None,
            "the same seed over an honest disk"
        );
    }
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for seed in 0..5 {
        assert_eq!(
            outcome(seed, Trust::Honest),
            outcome(seed, Trust::Honest),
            "seed {seed}"
        );
    }
}
