//! Shared by the tests of this crate: fixtures, and rows of decoded records by column name.
#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc, unreachable_pub)]

pub mod expected;
pub mod generate;
pub mod raw;
pub mod rebuild;
pub mod text;

use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use quipu_proto::{
    Decoder, Numbered, Place, Policy, Rejection, SequenceVerdict, Table, TableBuilders, TopicIncarnation,
};

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "tests", "fixtures", name]
        .iter()
        .collect();
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One row of a table.
#[derive(Clone)]
pub struct Row {
    batch: RecordBatch,
    index: usize,
}

impl Row {
    fn column(&self, name: &str) -> &ArrayRef {
        self.batch
            .column_by_name(name)
            .unwrap_or_else(|| panic!("no column {name}"))
    }

    /// Whether the table has such a column.
    pub fn has(&self, name: &str) -> bool {
        self.batch.column_by_name(name).is_some()
    }

    pub fn is_null(&self, name: &str) -> bool {
        self.column(name).is_null(self.index)
    }

    fn get<T>(&self, name: &str, value: impl FnOnce(&ArrayRef, usize) -> T) -> Option<T> {
        let column = self.column(name);
        column.is_valid(self.index).then(|| value(column, self.index))
    }

    /// Text, dictionary encoded or not.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name, |column, index| match column.as_any_dictionary_opt() {
            Some(dictionary) => {
                let key = dictionary.normalized_keys()[index];
                dictionary.values().as_string::<i32>().value(key).to_owned()
            }
            None => column.as_string::<i32>().value(index).to_owned(),
        })
    }

    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.get(name, |column, index| {
            column.as_binary::<i32>().value(index).to_vec()
        })
    }

    pub fn int32(&self, name: &str) -> Option<i32> {
        self.get(name, |column, index| {
            column.as_primitive::<Int32Type>().value(index)
        })
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name, |column, index| {
            column.as_primitive::<Int64Type>().value(index)
        })
    }

    pub fn uint(&self, name: &str) -> Option<u64> {
        self.get(name, |column, index| {
            column.as_primitive::<UInt64Type>().value(index)
        })
    }

    pub fn float(&self, name: &str) -> Option<f64> {
        self.get(name, |column, index| {
            column.as_primitive::<Float64Type>().value(index)
        })
    }

    pub fn float32(&self, name: &str) -> Option<f32> {
        self.get(name, |column, index| {
            column.as_primitive::<Float32Type>().value(index)
        })
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        self.get(name, |column, index| column.as_boolean().value(index))
    }

    /// Microseconds since the Unix epoch.
    pub fn time(&self, name: &str) -> Option<i64> {
        self.get(name, |column, index| {
            column.as_primitive::<TimestampMicrosecondType>().value(index)
        })
    }

    pub fn uint32_list(&self, name: &str) -> Option<Vec<u32>> {
        self.get(name, |column, index| {
            column
                .as_list::<i32>()
                .value(index)
                .as_primitive::<UInt32Type>()
                .values()
                .to_vec()
        })
    }

    pub fn float32_list(&self, name: &str) -> Option<Vec<f32>> {
        self.get(name, |column, index| {
            column
                .as_list::<i32>()
                .value(index)
                .as_primitive::<Float32Type>()
                .values()
                .to_vec()
        })
    }
}

/// The rows that records became, by table.
#[derive(Clone, Debug, Default)]
pub struct Rows(Vec<(Table, RecordBatch)>);

impl Rows {
    pub fn of(&self, table: Table) -> Vec<Row> {
        let batch = self
            .0
            .iter()
            .find(|(name, _)| *name == table)
            .map(|(_, batch)| batch);
        let count = batch.map_or(0, RecordBatch::num_rows);
        (0..count)
            .map(|index| Row {
                batch: batch.unwrap().clone(),
                index,
            })
            .collect()
    }

    /// The only row of a table.
    pub fn one(&self, table: Table) -> Row {
        let mut rows = self.of(table);
        assert_eq!(rows.len(), 1, "rows of {table}");
        rows.remove(0)
    }

    pub fn tables(&self) -> Vec<Table> {
        self.0.iter().map(|(table, _)| *table).collect()
    }

    pub fn batches(&self) -> &[(Table, RecordBatch)] {
        &self.0
    }
}

/// What every test record is numbered as.
pub const NUMBERED: Numbered = Numbered {
    verdict: SequenceVerdict::InOrder,
    repeated: false,
};

/// Appends records one by one, dead letters included, as an ingester does.
pub struct Store {
    pub decoder: Decoder,
    pub tables: TableBuilders,
    log: quipu_proto::LogIndex,
    offset: i64,
}

impl Store {
    pub fn new(policy: Policy) -> Self {
        let mut tables = TableBuilders::new();
        let log = tables.log_index(&TopicIncarnation::new("topic", TopicIncarnation::UNKNOWN));
        Self {
            decoder: Decoder::new(policy),
            tables,
            log,
            offset: 0,
        }
    }

    pub fn add(&mut self, value: Option<&[u8]>) -> Result<(), Rejection> {
        let place = Place {
            log: self.log,
            partition: 3,
            offset: self.offset,
            kafka_time_us: Some(1_000),
            key: Some(b"key"),
            headers: None,
        };
        self.offset += 1;
        let policy = self.decoder.policy();
        match self.decoder.decode(value) {
            Ok(decoded) => {
                self.tables.append(&place, &decoded, NUMBERED, &[]);
                Ok(())
            }
            Err(rejection) => {
                self.tables.append_dead_letter(&place, value, &rejection, policy);
                Err(rejection)
            }
        }
    }

    pub fn finish(&mut self) -> Rows {
        Rows(self.tables.finish().unwrap())
    }
}

/// The rows of one record, or why it has none.
pub fn decode(policy: Policy, value: &[u8]) -> Result<Rows, Rejection> {
    let mut store = Store::new(policy);
    store.add(Some(value))?;
    Ok(store.finish())
}

/// Bytes from hexadecimal text.
pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Bytes as hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
