//! Small commits, and ways to look at what became of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, UInt64Array,
    new_null_array,
};
use arrow_schema::DataType;
use quipu_proto::{LogPartition, Offset, PartitionId, Table, TopicIncarnation};
use quipu_store::{Commit, Head, PartitionState, Reader, Snapshot, Writer, WriterOptions, read_segment};

pub(crate) const TABLES: [Table; 3] = [Table::Events, Table::TokenChunks, Table::SequenceRuns];

/// Rows of any table, with offsets from `first` on and nulls wherever they are allowed.
pub(crate) fn rows(table: Table, first: i64, count: usize) -> RecordBatch {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let names = (0..count).map(|row| format!("{}-{}", field.name(), row % 3));
        match field.data_type() {
            data_type if field.is_nullable() => new_null_array(data_type, count),
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(first..first + count as i64)),
            DataType::Int32 => Arc::new(Int32Array::from(vec![0; count])),
            DataType::UInt64 => Arc::new(UInt64Array::from(vec![1; count])),
            DataType::Boolean => Arc::new(BooleanArray::from(vec![false; count])),
            DataType::Utf8 => Arc::new(StringArray::from_iter_values(names)),
            DataType::Dictionary(..) => {
                let names: Vec<String> = names.collect();
                Arc::new(DictionaryArray::<Int32Type>::from_iter(
                    names.iter().map(|name| Some(name.as_str())),
                ))
            }
            other => panic!("no values for {} of type {other}", field.name()),
        }
    });
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

pub(crate) fn log(partition: i32) -> LogPartition {
    LogPartition::new(TopicIncarnation::new("topic", "life"), PartitionId(partition))
}

pub(crate) fn position(partition: i32, next: i64) -> PartitionState {
    PartitionState {
        log: log(partition),
        next_offset: Offset(next),
        head: Head::FromOne,
        first_offset: Offset(0),
        log_start_at_open: Offset(0),
        leader_epoch: Some(1),
        last_record: None,
        high_watermark: None,
    }
}

/// A commit of ten rows to each of three tables, which moves partition 0 on by ten.
pub(crate) fn ten(first: i64) -> Commit {
    Commit {
        batches: TABLES
            .into_iter()
            .map(|table| (table, vec![rows(table, first, 10)]))
            .collect(),
        partitions: vec![position(0, first + 10)],
        remove_segments: Vec::new(),
    }
}

pub(crate) fn open(path: &Path) -> Writer {
    Writer::open(path, WriterOptions::default()).unwrap()
}

/// Rows of a table, read from the files of the snapshot, and counted.
pub(crate) fn read(snapshot: &Snapshot, table: Table) -> Vec<i64> {
    let column = if table == Table::SequenceRuns {
        "first_offset"
    } else {
        "offset"
    };
    let mut offsets = Vec::new();
    for segment in snapshot.segments(table) {
        for batch in read_segment(&snapshot.path_of(segment), segment, &[column]).unwrap() {
            let batch = batch.unwrap();
            let column = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
            offsets.extend(column.values());
        }
    }
    offsets
}

/// Checks that the store is whole: files as promised, and rows exactly up to its position. Gives the position.
pub(crate) fn whole(path: &Path) -> i64 {
    let snapshot = Reader::open(path).unwrap().snapshot().unwrap();
    snapshot.verify().unwrap();
    let next = snapshot
        .manifest()
        .partition(&log(0))
        .map_or(0, |state| state.next_offset.0);
    for table in TABLES {
        assert_eq!(read(&snapshot, table), (0..next).collect::<Vec<_>>(), "{table}");
        assert_eq!(snapshot.manifest().rows(table), next as u64);
    }
    next
}

/// Every file below a folder, relative to it.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn files_like(root: &Path, part: &str) -> Vec<PathBuf> {
    files(root)
        .into_iter()
        .filter(|name| name.contains(part))
        .map(|name| root.join(name))
        .collect()
}
