//! Segments are read unaided by other engines: DuckDB and Arrow's C++ library, which share no code with what wrote them.
//!
//! Where Python does not have them (`tests/engines/requirements.txt`) the test says so and passes, unless
//! `QUIPU_REQUIRE_ENGINES` is set.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that says what it skips, and why it cannot go on"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef};
use quipu::arrow::datatypes::DataType;
use quipu_fleet::{Canonical, CanonicalOptions};
use quipu_ingest::{FramesFile, PipelineOptions, Progress, Stop, ingest_frames};
use quipu_proto::Table;
use quipu_proto::frames::write_frame;
use quipu_store::read_segment;
use quipu_tests::rows::snapshot;
use serde_json::{Value, json};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Enough messages for several pages and row groups of each kind, and the fixtures.
fn fill(store: &Path, recorded: &Path) {
    let mut out = File::create(recorded).unwrap();
    let options = CanonicalOptions {
        messages: 60_000,
        ..CanonicalOptions::default()
    };
    for message in Canonical::new(options) {
        write_frame(&mut out, &message.frame()).unwrap();
    }
    let files = [
        FramesFile::new(recorded),
        FramesFile::new(here().join("fixtures/small.frames")),
        FramesFile::new(here().join("fixtures/faulty.frames")),
    ];
    let mut options = PipelineOptions::default();
    options.flush.rows_max = 50_000;
    options.flush.pressed_rows = 10_000;
    ingest_frames(
        store,
        &files,
        options,
        &Stop::default(),
        &Arc::new(Progress::default()),
    )
    .unwrap();
}

/// Values that are not null, and the sum of their measures: see `read.py`.
fn measured(array: &ArrayRef) -> (usize, i128) {
    let valid = || (0..array.len()).filter(|row| array.is_valid(*row));
    let sum = match array.data_type() {
        DataType::Int32 => valid()
            .map(|row| i128::from(array.as_primitive::<Int32Type>().value(row)))
            .sum(),
        DataType::Int64 => valid()
            .map(|row| i128::from(array.as_primitive::<Int64Type>().value(row)))
            .sum(),
        DataType::UInt64 => valid()
            .map(|row| i128::from(array.as_primitive::<UInt64Type>().value(row)))
            .sum(),
        DataType::Timestamp(..) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            valid().map(|row| i128::from(times.value(row))).sum()
        }
        DataType::Boolean => valid().filter(|row| array.as_boolean().value(*row)).count() as i128,
        DataType::Utf8 => valid()
            .map(|row| array.as_string::<i32>().value(row).len() as i128)
            .sum(),
        DataType::Binary => valid()
            .map(|row| array.as_binary::<i32>().value(row).len() as i128)
            .sum(),
        DataType::List(_) => valid()
            .map(|row| array.as_list::<i32>().value(row).len() as i128)
            .sum(),
        DataType::Dictionary(..) => {
            let column = array.as_dictionary::<Int32Type>();
            let texts = column.values().as_string::<i32>();
            valid()
                .filter_map(|row| column.key(row))
                .map(|key| texts.value(key).len() as i128)
                .sum()
        }
        DataType::Float32 | DataType::Float64 => 0,
        other => panic!("no measure of {other}"),
    };
    (valid().count(), sum)
}

/// What the store itself reads, in the form of `read.py`.
fn expected(store: &Path) -> Value {
    let snapshot = snapshot(store);
    let mut tables = BTreeMap::new();
    for table in Table::ALL {
        let mut columns: BTreeMap<String, (usize, i128)> = BTreeMap::new();
        for segment in snapshot.segments(table) {
            for batch in read_segment(&snapshot.path_of(segment), segment, &[]).unwrap() {
                let batch = batch.unwrap();
                for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
                    let (count, sum) = measured(array);
                    let total = columns.entry(field.name().clone()).or_default();
                    *total = (total.0 + count, total.1 + sum);
                }
            }
        }
        if !columns.is_empty() {
            let columns: BTreeMap<_, _> = columns
                .into_iter()
                .map(|(name, (count, sum))| (name, json!([count, sum.to_string()])))
                .collect();
            tables.insert(table.name(), columns);
        }
    }
    json!(tables)
}

#[test]
fn other_engines_read_every_column_of_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    fill(&store, &folder.path().join("recorded.frames"));
    let output = Command::new("python3")
        .arg(here().join("engines/read.py"))
        .arg(&store)
        .output();
    let output = match output {
        Ok(output) if output.status.success() => output.stdout,
        failed => {
            let why = failed.map_or_else(
                |error| error.to_string(),
                |output| String::from_utf8_lossy(&output.stderr).into_owned(),
            );
            let absent = why.contains("ModuleNotFoundError") || why.contains("No such file");
            assert!(
                absent && std::env::var_os("QUIPU_REQUIRE_ENGINES").is_none(),
                "read.py: {why}"
            );
            eprintln!("skipped: python3 has no duckdb and pyarrow (tests/engines/requirements.txt)");
            return;
        }
    };
    let found: BTreeMap<String, Value> = serde_json::from_slice(&output).unwrap();
    assert_eq!(found.len(), 2);
    let expected = expected(&store);
    for (engine, tables) in found {
        for (table, columns) in expected.as_object().unwrap() {
            assert_eq!(&tables[table], columns, "{engine}, {table}");
        }
    }
}
