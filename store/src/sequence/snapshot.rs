//! The book as rows: a snapshot is committed now and then as a segment of its own, so that rebuilding the book reads
//! that and what came after.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Int32Builder, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray};
use quipu_proto::{LogPartition, PartitionId, Table, TopicIncarnation};

use super::book::SequenceBook;
use super::cold_entry::{self, ColdName};
use super::error::BookError;
use super::run_rows::BATCH_TEXT_BYTES_MAX;
use super::sled_tree::{IndexError, KeyValue};
use super::thread::{NO_TIME, RECENT_IDS, ThreadState};

/// Rows of a batch of a snapshot.
const BATCH_ROWS: usize = 1 << 16;

impl SequenceBook {
    /// The whole book as rows of table `sequence_book`, threads on disk included.
    ///
    /// It is taken together with [`seal`](Self::seal), with no message in between, and belongs to the same commit. If
    /// any batch is an error there is no snapshot this time. Each call begins the count of
    /// [`snapshot_due`](Self::snapshot_due) anew.
    pub fn snapshot_batches(&mut self) -> impl Iterator<Item = Result<RecordBatch, BookError>> + '_ {
        self.snapshot_begins();
        let book = &*self;
        let mut hot = book.threads.iter();
        let mut cold = book.cold.iter().flat_map(|cold| cold.iter());
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let mut rows = BookRows::default();
            for (_, thread) in hot.by_ref() {
                let partition = book.partition_of(thread);
                let name = ColdName {
                    topic: &partition.log.topic,
                    incarnation: &partition.log.incarnation,
                    partition: partition.partition.0,
                    tenant_id: thread.name.tenant_id(),
                    thread_id: thread.name.thread_id(),
                };
                if rows.push(&name, &thread.state) {
                    break;
                }
            }
            while !rows.is_full() {
                let Some(entry) = cold.next() else { break };
                if let Err(error) = entry.and_then(|entry| book.push_cold(&mut rows, &entry)) {
                    failed = true;
                    return Some(Err(BookError::ColdThreadsLost {
                        reason: error.to_string(),
                    }));
                }
            }
            (rows.len > 0).then(|| rows.finish())
        })
    }

    /// Adds an entry of the index, unless its thread is in memory again.
    fn push_cold(&self, rows: &mut BookRows, (key, value): &KeyValue) -> Result<(), IndexError> {
        let name = cold_entry::decode_key(key).ok_or_else(|| IndexError("a key is damaged".to_owned()))?;
        let partition = LogPartition::new(
            TopicIncarnation::new(name.topic, name.incarnation),
            PartitionId(name.partition),
        );
        let in_memory = self.find_partition(&partition).is_some_and(|partition| {
            self.threads
                .find(partition.0, name.tenant_id, name.thread_id)
                .is_some()
        });
        if !in_memory && let Some(cold) = &self.cold {
            rows.push(&name, &cold.state(key, value)?);
        }
        Ok(())
    }

    /// Puts the rows of a snapshot into an empty book.
    ///
    /// # Errors
    /// The batch is not one of [`snapshot_batches`](Self::snapshot_batches).
    pub fn restore(&mut self, batch: &RecordBatch) -> Result<(), BookError> {
        let (topic, incarnation) = (Text::of(batch, "topic")?, Text::of(batch, "incarnation")?);
        let (tenant_id, thread_id) = (Text::of(batch, "tenant_id")?, Text::of(batch, "thread_id")?);
        let partition = column(batch, "partition", |array| array.as_primitive_opt::<Int32Type>())?;
        let newest_sequence = column(batch, "newest_sequence", |array| {
            array.as_primitive_opt::<UInt64Type>()
        })?;
        let newest_time = column(batch, "newest_time", |array| {
            array.as_primitive_opt::<TimestampMicrosecondType>()
        })?;
        let recent_ids = column(batch, "recent_ids", |array| array.as_binary_opt::<i32>())?;
        let has_unsequenced = column(batch, "has_unsequenced", |array| array.as_boolean_opt())?;
        let mut last = None;
        for row in 0..batch.num_rows() {
            let place = (topic.value(row), incarnation.value(row), partition.value(row));
            let key = match last {
                Some((same, key)) if same == place => key,
                _ => self.partition_key(&LogPartition::new(
                    TopicIncarnation::new(place.0, place.1),
                    PartitionId(place.2),
                )),
            };
            last = Some((place, key));
            let ids = if recent_ids.is_null(row) {
                &[]
            } else {
                recent_ids.value(row)
            };
            let time_us = if newest_time.is_null(row) {
                NO_TIME
            } else {
                newest_time.value(row)
            };
            let state = ThreadState::from_parts(
                newest_sequence.value(row),
                time_us,
                has_unsequenced.value(row),
                ids,
            )
            .ok_or(BookError::SnapshotRecentIds {
                row,
                bytes: ids.len(),
                limit: RECENT_IDS * 8,
            })?;
            self.put(key, tenant_id.value(row), thread_id.value(row), state);
        }
        self.make_room();
        Ok(())
    }
}

/// A column of text, with or without a dictionary: a reader may give back either.
enum Text<'a> {
    Plain(&'a StringArray),
    Dictionary {
        keys: &'a [i32],
        values: &'a StringArray,
    },
}

impl<'a> Text<'a> {
    fn of(batch: &'a RecordBatch, name: &'static str) -> Result<Self, BookError> {
        column(batch, name, |array| {
            if let Some(plain) = array.as_string_opt() {
                return Some(Self::Plain(plain));
            }
            let dictionary = array.as_dictionary_opt::<Int32Type>()?;
            let (keys, values) = (
                dictionary.keys().values().as_ref(),
                dictionary.values().as_string_opt()?,
            );
            Some(Self::Dictionary { keys, values })
        })
    }

    fn value(&self, row: usize) -> &'a str {
        match self {
            Self::Plain(values) => values.value(row),
            Self::Dictionary { keys, values } => values.value(keys[row] as usize),
        }
    }
}

fn column<'a, T>(
    batch: &'a RecordBatch,
    name: &'static str,
    cast: impl FnOnce(&'a ArrayRef) -> Option<T>,
) -> Result<T, BookError> {
    batch
        .column_by_name(name)
        .and_then(cast)
        .ok_or(BookError::SnapshotColumn { column: name })
}

/// Builders of the columns of `sequence_book`.
struct BookRows {
    topic: StringDictionaryBuilder<Int32Type>,
    incarnation: StringDictionaryBuilder<Int32Type>,
    partition: Int32Builder,
    tenant_id: StringBuilder,
    thread_id: StringBuilder,
    newest_sequence: UInt64Builder,
    newest_time: TimestampMicrosecondBuilder,
    recent_ids: BinaryBuilder,
    has_unsequenced: BooleanBuilder,
    ids: Vec<u8>,
    len: usize,
    text_bytes: usize,
}

impl Default for BookRows {
    fn default() -> Self {
        Self {
            topic: StringDictionaryBuilder::new(),
            incarnation: StringDictionaryBuilder::new(),
            partition: Int32Builder::new(),
            tenant_id: StringBuilder::new(),
            thread_id: StringBuilder::new(),
            newest_sequence: UInt64Builder::new(),
            newest_time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            recent_ids: BinaryBuilder::new(),
            has_unsequenced: BooleanBuilder::new(),
            ids: Vec::new(),
            len: 0,
            text_bytes: 0,
        }
    }
}

impl BookRows {
    fn is_full(&self) -> bool {
        self.len >= BATCH_ROWS || self.text_bytes >= BATCH_TEXT_BYTES_MAX
    }

    /// Adds a thread and says whether the batch is full.
    fn push(&mut self, name: &ColdName<'_>, state: &ThreadState) -> bool {
        self.topic.append_value(name.topic);
        self.incarnation.append_value(name.incarnation);
        self.partition.append_value(name.partition);
        self.tenant_id.append_value(name.tenant_id);
        self.thread_id.append_value(name.thread_id);
        self.newest_sequence.append_value(state.newest_sequence());
        self.newest_time
            .append_option(Some(state.newest_time()).filter(|time| *time != NO_TIME));
        self.ids.clear();
        state.recent_ids(&mut self.ids);
        self.recent_ids.append_value(&self.ids);
        self.has_unsequenced.append_value(state.has_unsequenced());
        self.len += 1;
        self.text_bytes += name.tenant_id.len() + name.thread_id.len();
        self.is_full()
    }

    fn finish(mut self) -> Result<RecordBatch, BookError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.topic.finish()),
            Arc::new(self.incarnation.finish()),
            Arc::new(self.partition.finish()),
            Arc::new(self.tenant_id.finish()),
            Arc::new(self.thread_id.finish()),
            Arc::new(self.newest_sequence.finish()),
            Arc::new(self.newest_time.finish()),
            Arc::new(self.recent_ids.finish()),
            Arc::new(self.has_unsequenced.finish()),
        ];
        RecordBatch::try_new(Table::SequenceBook.schema(), columns).map_err(|source| BookError::Rows {
            table: Table::SequenceBook.name(),
            source,
        })
    }
}
