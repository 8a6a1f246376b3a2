//! What is written is read back by the `parquet` crate, which shares nothing with the encoders here but the format.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Int32Builder, ListBuilder, PrimitiveBuilder, StringBuilder,
    StringDictionaryBuilder,
};
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type,
    UInt64Type,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::statistics::Statistics;
use prost::bytes::Bytes;
use quipu_proto::Table;

use super::Encoder;
use crate::segment::StatsCollector;

/// A source of numbers that looks like chance and is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

/// What the values of a column look like.
#[derive(Clone, Copy, Debug)]
enum Look {
    Constant,
    Few,
    Many,
    Extreme,
    AllNull,
    Runs,
}

const LOOKS: [Look; 6] = [
    Look::Constant,
    Look::Few,
    Look::Many,
    Look::Extreme,
    Look::AllNull,
    Look::Runs,
];

struct Column<'d> {
    dice: &'d mut Dice,
    look: Look,
    nullable: bool,
    row: u64,
}

impl Column<'_> {
    /// The next value as a number of 64 bits; none for null.
    fn next(&mut self) -> Option<u64> {
        self.row += 1;
        let value = match self.look {
            Look::Constant => Some(7),
            Look::Few => (self.dice.below(4) > 0).then(|| self.dice.below(5)),
            Look::Many => (self.dice.below(50) > 0).then(|| self.dice.below(1 << 40)),
            Look::Extreme => [u64::MAX, 0, 1 << 63, (1 << 63) - 1, 1, self.dice.roll()]
                .get(self.dice.below(7) as usize)
                .copied(),
            Look::AllNull => None,
            Look::Runs => (!(self.row / 300).is_multiple_of(3)).then_some(self.row / 100),
        };
        if self.nullable {
            value
        } else {
            Some(value.unwrap_or(0))
        }
    }

    fn text(&mut self) -> Option<String> {
        let look = self.look;
        let dice = self.dice.roll();
        self.next().map(|value| match look {
            Look::Extreme => "ö".repeat((value % 200) as usize),
            Look::Many => format!("{value}-{dice:x}"),
            _ => format!("text {value}"),
        })
    }

    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        rows: usize,
        data_type: &DataType,
        of: impl Fn(u64) -> T::Native,
    ) -> ArrayRef {
        let mut builder = PrimitiveBuilder::<T>::new().with_data_type(data_type.clone());
        for _ in 0..rows {
            builder.append_option(self.next().map(&of));
        }
        Arc::new(builder.finish())
    }

    fn lists<T: ArrowPrimitiveType>(
        &mut self,
        rows: usize,
        item: &Arc<Field>,
        of: impl Fn(u64) -> T::Native,
    ) -> ArrayRef {
        let mut builder = ListBuilder::new(PrimitiveBuilder::<T>::new()).with_field(Arc::clone(item));
        for _ in 0..rows {
            match self.next() {
                Some(value) => {
                    for item in 0..value % 4 {
                        builder.values().append_value(of(value ^ item));
                    }
                    builder.append(true);
                }
                None => builder.append(false),
            }
        }
        Arc::new(builder.finish())
    }

    fn array(&mut self, rows: usize, data_type: &DataType) -> ArrayRef {
        match data_type {
            DataType::Int32 => self.numbers::<Int32Type>(rows, data_type, |value| value as i32),
            DataType::Int64 => self.numbers::<Int64Type>(rows, data_type, |value| value as i64),
            DataType::UInt64 => self.numbers::<UInt64Type>(rows, data_type, |value| value),
            DataType::Timestamp(..) => {
                self.numbers::<TimestampMicrosecondType>(rows, data_type, |value| value as i64)
            }
            // Not from bits: not every pattern equals itself.
            DataType::Float64 => self.numbers::<Float64Type>(rows, data_type, |value| value as f64 / 3.0),
            DataType::Float32 => self.numbers::<Float32Type>(rows, data_type, |value| value as f32 / 3.0),
            DataType::Boolean => {
                let mut builder = BooleanBuilder::new();
                for _ in 0..rows {
                    builder.append_option(self.next().map(|value| value % 2 == 1));
                }
                Arc::new(builder.finish())
            }
            DataType::Utf8 => {
                let mut builder = StringBuilder::new();
                for _ in 0..rows {
                    builder.append_option(self.text());
                }
                Arc::new(builder.finish())
            }
            DataType::Binary => {
                let mut builder = BinaryBuilder::new();
                for _ in 0..rows {
                    builder.append_option(self.text());
                }
                Arc::new(builder.finish())
            }
            DataType::Dictionary(..) => {
                let mut builder = StringDictionaryBuilder::<Int32Type>::new();
                // Entries that no row uses.
                builder.append_value("unused");
                for _ in 0..rows {
                    builder.append_option(self.text());
                }
                Arc::new(builder.finish().slice(1, rows))
            }
            DataType::List(item) => match item.data_type() {
                DataType::UInt32 => self.lists::<UInt32Type>(rows, item, |value| value as u32),
                _ => self.lists::<Float32Type>(rows, item, |value| value as f32),
            },
            other => panic!("{other}"),
        }
    }
}

fn batch(table: Table, rows: usize, dice: &mut Dice) -> RecordBatch {
    let schema = table.schema();
    let shift = dice.below(6);
    let columns = schema
        .fields()
        .iter()
        .zip(shift as usize..)
        .map(|(field, index)| {
            let mut column = Column {
                look: LOOKS[index % LOOKS.len()],
                nullable: field.is_nullable(),
                dice: &mut *dice,
                row: 0,
            };
            column.array(rows, field.data_type())
        });
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

fn written(table: Table, batches: &[RecordBatch]) -> Bytes {
    let mut encoder = Encoder::new(table, Vec::new()).unwrap();
    let mut stats = StatsCollector::new(&table.schema());
    for batch in batches {
        encoder.write(batch, &mut stats).unwrap();
    }
    // What was learned from dictionaries is what the rows say.
    let mut of_rows = StatsCollector::new(&table.schema());
    for batch in batches {
        of_rows.update(batch);
    }
    assert_eq!(stats.finish(), of_rows.finish(), "{table}");
    Bytes::from(encoder.finish(|_| Vec::new()).unwrap())
}

fn read(file: Bytes) -> Vec<RecordBatch> {
    ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .with_batch_size(1 << 20)
        .build()
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn every_table_comes_back_whatever_is_in_its_columns() {
    for seed in 0..6 {
        let mut dice = Dice(seed);
        for table in Table::ALL {
            for rows in [1, 8, 70, 1_500] {
                let batch = batch(table, rows, &mut dice);
                let whole = std::slice::from_ref(&batch);
                assert_eq!(read(written(table, whole)), whole, "{table}");
                if rows > 8 {
                    // A part of a batch: its columns begin in the middle of a byte.
                    let part = batch.slice(3, rows - 5);
                    assert_eq!(
                        read(written(table, std::slice::from_ref(&part))),
                        [part],
                        "{table}"
                    );
                }
            }
        }
    }
}

#[test]
fn many_pages_and_row_groups_come_back() {
    let mut dice = Dice(1);
    for table in [Table::Events, Table::TokenChunks, Table::Metrics] {
        let batches = [batch(table, 300_000, &mut dice), batch(table, 10, &mut dice)];
        let found = read(written(table, &batches));
        let found = arrow_select::concat::concat_batches(&table.schema(), &found).unwrap();
        assert_eq!(found.num_rows(), 300_010);
        assert_eq!(found.slice(0, 300_000), batches[0], "{table}");
        assert_eq!(found.slice(300_000, 10), batches[1], "{table}");
    }
}

#[test]
fn the_file_tells_the_bounds_of_searched_columns_and_of_pages_of_rising_ones() {
    let mut dice = Dice(2);
    let rows = 70_000;
    let mut columns = batch(Table::Events, rows, &mut dice).columns().to_vec();
    let schema = Table::Events.schema();
    let at = |name: &str| schema.index_of(name).unwrap();
    let mut offsets = PrimitiveBuilder::<Int64Type>::new();
    let mut sequences = PrimitiveBuilder::<UInt64Type>::new();
    let mut items = Int32Builder::new();
    let mut threads = StringBuilder::new();
    for row in 0..rows {
        offsets.append_value(row as i64 * 2);
        sequences.append_value(if row == 5 { u64::MAX } else { 3 + row as u64 });
        items.append_value(4 - row as i32 % 9);
        threads.append_value(if row == 9 {
            "z".repeat(100)
        } else {
            format!("t{}", row % 50)
        });
    }
    columns[at("offset")] = Arc::new(offsets.finish());
    columns[at("sequence")] = Arc::new(sequences.finish());
    columns[at("item")] = Arc::new(items.finish());
    columns[at("thread_id")] = Arc::new(threads.finish());
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let file = written(Table::Events, &[batch]);
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(&file, options).unwrap();
    let group = metadata.metadata().row_group(0);
    let statistics = |name: &str| group.column(at(name)).statistics().unwrap().clone();
    let Statistics::Int64(offset) = statistics("offset") else {
        panic!()
    };
    assert_eq!((offset.min_opt(), offset.max_opt()), (Some(&0), Some(&139_998)));
    let Statistics::Int64(sequence) = statistics("sequence") else {
        panic!()
    };
    // Unsigned: the same bits as -1.
    assert_eq!((sequence.min_opt(), sequence.max_opt()), (Some(&3), Some(&-1)));
    let Statistics::Int32(item) = statistics("item") else {
        panic!()
    };
    assert_eq!((item.min_opt(), item.max_opt()), (Some(&-4), Some(&4)));
    let thread = statistics("thread_id");
    assert_eq!(thread.min_bytes_opt().unwrap(), b"t0");
    assert!(thread.min_is_exact() && !thread.max_is_exact());
    assert_eq!(
        thread.max_bytes_opt().unwrap(),
        format!("{}{{", "z".repeat(63)).as_bytes()
    );
    // Three pages of `offset`.
    let pages = &metadata.metadata().column_index().unwrap()[0][at("offset")];
    let parquet::file::page_index::column_index::ColumnIndexMetaData::INT64(pages) = pages else {
        panic!("{pages:?}")
    };
    assert_eq!(pages.min_values(), [0, 65_536, 131_072]);
    assert_eq!(pages.max_values(), [65_534, 131_070, 139_998]);
    let locations = &metadata.metadata().offset_index().unwrap()[0][at("attributes")];
    assert!(!locations.page_locations().is_empty());
}
