//! Offsets without a record for us, on their way to table `offset_holes`.

use std::sync::Arc;

use arrow_array::builder::{
    Int32Builder, Int64Builder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use quipu_proto::{LogPartition, Table};

use crate::clock::now_us;

/// One range of offsets.
#[derive(Clone, Debug)]
struct Hole {
    log: LogPartition,
    first: i64,
    last: i64,
    cause: &'static str,
    detected_us: i64,
}

/// Holes met since the last commit; neighbours of one cause are one.
#[derive(Debug, Default)]
pub(crate) struct OffsetHoles(Vec<Hole>);

impl OffsetHoles {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self, log: &LogPartition, first: i64, last: i64, cause: &'static str) {
        // Partitions take turns, so that the neighbour is seldom far back.
        let neighbour = self.0.iter_mut().rev().take(64).find(|hole| hole.log == *log);
        if let Some(hole) =
            neighbour.filter(|hole| hole.cause == cause && hole.last.checked_add(1) == Some(first))
        {
            hole.last = last;
            return;
        }
        self.0.push(Hole {
            log: log.clone(),
            first,
            last,
            cause,
            detected_us: now_us(),
        });
    }

    /// Takes the rows.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut topic = StringDictionaryBuilder::<Int32Type>::new();
        let mut incarnation = StringDictionaryBuilder::<Int32Type>::new();
        let mut partition = Int32Builder::new();
        let (mut first, mut last) = (Int64Builder::new(), Int64Builder::new());
        let mut cause = StringDictionaryBuilder::<Int32Type>::new();
        let mut detected = TimestampMicrosecondBuilder::new();
        for hole in std::mem::take(&mut self.0) {
            topic.append(&hole.log.log.topic)?;
            incarnation.append(&hole.log.log.incarnation)?;
            partition.append_value(hole.log.partition.0);
            first.append_value(hole.first);
            last.append_value(hole.last);
            cause.append(hole.cause)?;
            detected.append_value(hole.detected_us);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(topic.finish()),
            Arc::new(incarnation.finish()),
            Arc::new(partition.finish()),
            Arc::new(first.finish()),
            Arc::new(last.finish()),
            Arc::new(cause.finish()),
            Arc::new(detected.finish().with_timezone("UTC")),
        ];
        RecordBatch::try_new(Table::OffsetHoles.schema(), columns)
    }
}
