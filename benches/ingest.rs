//! From a frames file to a durable store: everything but the network. One item is one message.

use std::fs;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use quipu_ingest::{FramesFile, PipelineOptions, Progress, Stop, ingest_frames};

/// Messages of the canonical workload per iteration: two commits by size.
const MESSAGES: u64 = 200_000;

fn main() {
    divan::main();
}

/// Read, decode, number, append, press and commit.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn whole_way(bencher: Bencher<'_, '_>) {
    let file = quipu_benches::canonical_path(MESSAGES).expect("the workload can be written");
    let store = std::env::temp_dir().join(format!("quipu-bench-{}", std::process::id()));
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(|| {
            let _ = fs::remove_dir_all(&store);
            Arc::new(Progress::default())
        })
        .bench_local_values(|progress| {
            let files = [FramesFile::new(&file)];
            ingest_frames(
                &store,
                &files,
                PipelineOptions::default(),
                &Stop::default(),
                &progress,
            )
            .expect("the workload is taken in")
        });
    let _ = fs::remove_dir_all(&store);
}
