//! Behaviour of SQL as text: each file in `slt/` holds statements and what they answer over one store, which takes in
//! both fixtures (topics `small` and `faulty`).
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

/// A test for every file in `slt/`, and their list.
macro_rules! files {
    ($($name:ident)*) => {
        const FILES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*
    };
}

files!(arrivals completeness coverage gaps guard json runs sessions state strands system token_stream_gaps trace_diff);

#[test]
fn every_file_is_checked() {
    let mut found: Vec<String> = std::fs::read_dir(here().join("slt"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    found.sort();
    assert_eq!(found, FILES);
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The store that all files ask: written once, never changed.
fn store() -> &'static Path {
    static STORE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let fixture = |name: &str| FramesFile::new(here().join("fixtures").join(format!("{name}.frames")));
        let quipu = Quipu::create(folder.path()).unwrap();
        quipu.ingest(&[fixture("small"), fixture("faulty")]).unwrap();
        folder
    });
    STORE.path()
}

fn check(name: &str) {
    let path = here().join("slt").join(format!("{name}.slt"));
    let store = store();
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
