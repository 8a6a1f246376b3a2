//! Behaviour of SQL as text: each file holds statements and what they answer over a store that is written once. Those in
//! `slt/` ask a store with both fixtures (topics `small` and `faulty`), those in `slt/hand/` one with the messages of
//! `fixtures/hand.jsonl`, whose answers are worked out by hand, those in `slt/extreme/` one with the extreme values of
//! `fixtures/extreme.jsonl`.
//!
//! To write a new file: put `query TI` (a letter per column: T text, I integer, R number), the statement and `----`
//! into it, name it below, and run this test once with `QUIPU_SLT_COMPLETE=1`; it then writes the answers into the
//! file instead of checking them. Read them before you keep them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use quipu::arrow::array::{Array, AsArray, RecordBatch};
use quipu::arrow::datatypes::{DataType, Schema};
use quipu::arrow::util::display::{ArrayFormatter, FormatOptions};
use quipu::ingest::FramesFile;
use quipu::{Quipu, Rows};
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};
use tokio::runtime::Runtime;

/// A test for every file of a folder, and their list.
macro_rules! files {
    ($list:ident, $folder:literal, $store:ident: $($name:ident)*) => {
        const $list: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                super::check(concat!($folder, "/", stringify!($name), ".slt"), super::$store());
            }
        )*
    };
}

/// Over the fixtures.
mod fixtures {
    files!(FILES, "slt", fixtures_store:
        arrivals completeness costs coverage edges errors_all functions gaps guard json llm_calls metrics_latest nodes quality
        reconcile runs sessions state statistics strands system throughput timeline token_stream_gaps tokens tool_calls trace_diff
        traces views);

    #[test]
    fn every_file_is_checked() {
        super::assert_listed("slt", FILES);
    }
}

/// Over messages written by hand.
mod hand {
    files!(FILES, "slt/hand", hand_store:
        costs edges errors_all evaluations graph_events llm_calls llm_stats metrics_latest node_executions nodes quality reconcile
        run_spans runs sessions throughput timeline token_counts tokens tool_calls tool_stats traces);

    #[test]
    fn every_file_is_checked() {
        super::assert_listed("slt/hand", FILES);
    }
}

/// Over messages with values at the limits of their types.
mod extreme {
    files!(FILES, "slt/extreme", extreme_store: sums);

    #[test]
    fn every_file_is_checked() {
        super::assert_listed("slt/extreme", FILES);
    }

    #[test]
    fn every_view_answers() {
        let connection = super::Connection::open(super::extreme_store());
        let (_, names) = connection.rows("select name from system.views").unwrap();
        let names: Vec<_> = names.iter().flat_map(super::texts).flatten().collect();
        assert!(names.len() > 30);
        for name in names {
            if let Err(error) = connection.rows(&format!("select * from {name}")) {
                panic!("{name}: {error}");
            }
        }
    }
}

fn assert_listed(folder: &str, files: &[&str]) {
    let mut found: Vec<String> = std::fs::read_dir(here().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, files);
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A store with both fixtures: written once, never changed.
fn fixtures_store() -> &'static Path {
    static STORE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let fixture = |name: &str| here().join("fixtures").join(format!("{name}.frames"));
        store(&[fixture("small"), fixture("faulty")])
    });
    STORE.path()
}

/// A store with the messages written by hand, topic `hand`.
fn hand_store() -> &'static Path {
    static STORE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hand.frames");
        quipu_tests::hand::write(&here().join("fixtures/hand.jsonl"), &file);
        let store = store(&[file]);
        copy(&here().join("fixtures/kept"), &store.path().join("evals"));
        store
    });
    STORE.path()
}

/// Copies a folder of documents.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A store with the messages of `fixtures/extreme.jsonl` at several times in several threads, topic `extreme`.
fn extreme_store() -> &'static Path {
    static STORE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let lines = std::fs::read_to_string(here().join("fixtures/extreme.jsonl")).unwrap();
        let mut text = String::new();
        let (first, last) = (i64::MIN, i64::MAX);
        let threads = [
            ("all", [first, first + 1, -1, 0, last]),
            ("first", [first; 5]),
            ("last", [last; 5]),
        ];
        let times = threads
            .iter()
            .flat_map(|(thread, times)| times.map(|time| (thread, time)));
        for (number, (thread, time)) in (1..).zip(times) {
            let lines = lines.replace("THREAD", thread).replace("TIME", &time.to_string());
            text.push_str(&lines.replace("NUMBER", &i32::to_string(&number)));
        }
        let file = folder.path().join("extreme.frames");
        std::fs::write(&file, quipu_tests::hand::frames(&text)).unwrap();
        store(&[file])
    });
    STORE.path()
}

fn store(files: &[PathBuf]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let quipu = Quipu::create(folder.path()).unwrap();
    let files: Vec<_> = files.iter().map(FramesFile::new).collect();
    quipu.ingest(&files).unwrap();
    folder
}

fn check(file: &str, store: &'static Path) {
    let path = here().join(file);
    let mut runner = Runner::new(|| async move { Ok(Connection::open(store)) });
    runner.with_column_validator(sqllogictest::strict_column_validator);
    if std::env::var_os("QUIPU_SLT_COMPLETE").is_some() {
        let completed = runner.update_test_file(
            &path,
            " ",
            sqllogictest::default_validator,
            sqllogictest::default_normalizer,
            sqllogictest::strict_column_validator,
        );
        Runtime::new().unwrap().block_on(completed).unwrap();
        return;
    }
    if let Err(error) = runner.run_file(&path) {
        panic!("{}", error.display(false));
    }
}

struct Connection {
    quipu: Quipu,
    runtime: Runtime,
}

impl Connection {
    fn open(store: &Path) -> Self {
        Self {
            quipu: Quipu::open(store).unwrap(),
            runtime: Runtime::new().unwrap(),
        }
    }

    fn rows(&self, sql: &str) -> quipu::Result<(Vec<DefaultColumnType>, Vec<RecordBatch>)> {
        // Completing a file runs within a runtime, which must not block.
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                self.runtime.block_on(async {
                    let rows: Rows = self.quipu.sql(sql).await?;
                    let types = rows
                        .schema()
                        .fields()
                        .iter()
                        .map(|field| column_type(field.data_type()))
                        .collect();
                    Ok((types, rows.collect().await?))
                })
            });
            asked.join().unwrap()
        })
    }
}

impl DB for Connection {
    type Error = quipu::Error;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, quipu::Error> {
        let (types, batches) = self.rows(sql)?;
        let rows = batches.iter().flat_map(texts).collect();
        Ok(DBOutput::Rows { types, rows })
    }

    fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "quipu"
    }
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        _ if data_type.is_integer() => DefaultColumnType::Integer,
        _ if data_type.is_numeric() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    }
}

fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default();
    let schema: &Schema = batch.schema_ref();
    let formatters: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let cell = |row: usize, column: usize| {
        let array = batch.column(column);
        if array.is_null(row) {
            return "NULL".to_owned();
        }
        if schema.field(column).data_type() == &DataType::BinaryView {
            return array
                .as_binary_view()
                .value(row)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
        }
        let text = formatters[column].value(row).to_string();
        if text.is_empty() {
            "(empty)".to_owned()
        } else {
            text
        }
    };
    (0..batch.num_rows())
        .map(|row| (0..batch.num_columns()).map(|column| cell(row, column)).collect())
        .collect()
}
