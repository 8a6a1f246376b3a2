//! The view `gaps` against what is known to be missing from `faulty.frames`, thread by thread, under each policy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use quipu::arrow::array::{Array, AsArray, RecordBatch};
use quipu::arrow::datatypes::UInt64Type;
use quipu::ingest::{FramesFile, PipelineOptions, Progress, Stop, ingest_frames};
use quipu::{Policy, Quipu};
use serde_json::Value;

/// Missing numbers by thread.
type Missing = BTreeMap<String, BTreeSet<u64>>;

fn text(batch: &RecordBatch, column: usize, row: usize) -> String {
    batch.column(column).as_string_view().value(row).to_owned()
}

fn number(batch: &RecordBatch, column: usize, row: usize) -> u64 {
    let column = batch.column(column);
    assert!(column.is_valid(row));
    column.as_primitive::<UInt64Type>().value(row)
}

async fn ask(quipu: &Quipu, sql: &str) -> Vec<RecordBatch> {
    quipu.sql(sql).await.unwrap().collect().await.unwrap()
}

/// What the view says, and the highest number seen of each thread.
async fn answers(store: &Path) -> (Missing, BTreeMap<String, u64>) {
    let quipu = Quipu::open(store).unwrap();
    let mut missing = Missing::new();
    let gaps =
        "select thread_id, arrow_cast(first_missing, 'UInt64'), arrow_cast(last_missing, 'UInt64') from gaps";
    for batch in ask(&quipu, gaps).await {
        for row in 0..batch.num_rows() {
            let thread = missing.entry(text(&batch, 0, row)).or_default();
            thread.extend(number(&batch, 1, row)..=number(&batch, 2, row));
        }
    }
    let mut newest = BTreeMap::new();
    let seen = "select thread_id, max(last_sequence) from sequence_runs group by thread_id";
    for batch in ask(&quipu, seen).await {
        for row in 0..batch.num_rows() {
            newest.insert(text(&batch, 0, row), number(&batch, 1, row));
        }
    }
    (missing, newest)
}

/// What the file lacks, up to the last number that was accepted: a lost tail cannot be seen from numbers.
fn truth(name: &str, newest: &BTreeMap<String, u64>) -> Missing {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/faulty.truth.json");
    let truth: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut missing = Missing::new();
    for thread in truth["missing_by_mode"][name].as_array().unwrap() {
        let thread_id = thread["thread_id"].as_str().unwrap().to_owned();
        let last = newest[&thread_id];
        let lacking: BTreeSet<u64> = thread["sequences"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|entry| match entry.as_array() {
                Some(range) => range[0].as_u64().unwrap()..=range[1].as_u64().unwrap(),
                None => entry.as_u64().unwrap()..=entry.as_u64().unwrap(),
            })
            .filter(|sequence| *sequence < last)
            .collect();
        if !lacking.is_empty() {
            missing.insert(thread_id, lacking);
        }
    }
    missing
}

#[tokio::test]
async fn gaps_are_what_is_missing_from_each_thread_under_each_policy() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/faulty.frames");
    for (policy, name, total) in [
        (Policy::Strict, "strict_exact", 156),
        (Policy::Compatible, "compatible_exact", 145),
        (Policy::Forward, "compatible_forward", 128),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let options = PipelineOptions {
            policy,
            ..PipelineOptions::default()
        };
        let progress = Arc::new(Progress::default());
        ingest_frames(
            folder.path(),
            &[FramesFile::new(&file)],
            options,
            &Stop::default(),
            &progress,
        )
        .unwrap();
        let (missing, newest) = answers(folder.path()).await;
        assert_eq!(missing, truth(name, &newest), "{name}");
        assert_eq!(
            missing.values().map(BTreeSet::len).sum::<usize>(),
            total,
            "{name}"
        );
    }
}
