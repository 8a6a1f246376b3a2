//! The columns that say in which log a record lies.

use arrow_array::ArrayRef;
use arrow_array::types::Int32Type;

use crate::columns::{ChoiceColumn, FullColumn};
use crate::ids::TopicIncarnation;

/// Place of a topic's incarnation among those that a set of builders has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogIndex(pub(crate) i32);

/// Columns topic, incarnation, partition.
#[derive(Debug, Default)]
pub(crate) struct LogColumns {
    topic: ChoiceColumn,
    incarnation: ChoiceColumn,
    partition: FullColumn<Int32Type>,
}

impl LogColumns {
    /// Makes one more log known. Logs are numbered in the order of these calls.
    pub(crate) fn add(&mut self, log: &TopicIncarnation) {
        self.topic.add_entry(&*log.topic);
        self.incarnation.add_entry(&*log.incarnation);
    }

    #[inline]
    pub(crate) fn push(&mut self, log: LogIndex, partition: i32) {
        self.push_run(log, 1);
        self.push_partition(partition);
    }

    /// Appends topic and incarnation of several rows; their partitions come one by one.
    pub(crate) fn push_run(&mut self, log: LogIndex, rows: usize) {
        self.topic.push_run(log.0, rows);
        self.incarnation.push_run(log.0, rows);
    }

    #[inline]
    pub(crate) fn push_partition(&mut self, partition: i32) {
        self.partition.push(partition);
    }

    pub(crate) fn finish(&mut self, columns: &mut Vec<ArrayRef>) {
        columns.push(self.topic.finish());
        columns.push(self.incarnation.finish());
        columns.push(self.partition.finish());
    }
}
