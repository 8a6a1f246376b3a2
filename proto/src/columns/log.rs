//! The columns that say in which log a record lies.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array};

use crate::columns::ChoiceColumn;
use crate::ids::TopicIncarnation;

/// Place of a topic's incarnation among those that a set of builders has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogIndex(pub(crate) i32);

/// Columns topic, incarnation, partition.
#[derive(Debug)]
pub(crate) struct LogColumns {
    topic: ChoiceColumn,
    incarnation: ChoiceColumn,
    partition: Vec<i32>,
}

impl LogColumns {
    pub(crate) fn new() -> Self {
        Self {
            topic: ChoiceColumn::new(),
            incarnation: ChoiceColumn::new(),
            partition: Vec::new(),
        }
    }

    /// Makes one more log known. Logs are numbered in the order of these calls.
    pub(crate) fn add(&mut self, log: &TopicIncarnation) {
        self.topic.add_entry(&*log.topic);
        self.incarnation.add_entry(&*log.incarnation);
    }

    #[inline]
    pub(crate) fn push(&mut self, log: LogIndex, partition: i32) {
        self.topic.push(log.0);
        self.incarnation.push(log.0);
        self.partition.push(partition);
    }

    pub(crate) fn finish(&mut self, columns: &mut Vec<ArrayRef>) {
        columns.push(self.topic.finish());
        columns.push(self.incarnation.finish());
        columns.push(Arc::new(Int32Array::from(std::mem::take(&mut self.partition))));
    }
}
