//! The columns of all tables while rows are appended.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;

use crate::columns::{Columns, CommonColumns, LogIndex, Numbered, Place};
use crate::dead_letter::DeadLetterColumns;
use crate::decoder::{Decoded, Message};
use crate::error::Rejection;
use crate::ids::TopicIncarnation;
use crate::limits::COMPOSED_BYTES_MAX;
use crate::messages::RowContext;
use crate::messages::checkpoint::CheckpointColumns;
use crate::messages::error::ErrorColumns;
use crate::messages::event::{BatchMember, EventColumns};
use crate::messages::event_batch::EventBatchColumns;
use crate::messages::execution_trace::ExecutionTraceColumns;
use crate::messages::metrics::MetricsColumns;
use crate::messages::state_diff::StateDiffColumns;
use crate::messages::token_chunk::TokenChunkColumns;
use crate::messages::tool_execution::ToolExecutionColumns;
use crate::policy::Policy;
use crate::table::Table;

/// Most bytes that may be buffered: text columns have 32-bit offsets, and one record can add some hundred MiB more.
pub const BUFFERED_BYTES_MAX: usize = 1 << 30;

/// What a row costs beside its text: numbers, offsets, ids.
const ROW_BYTES: usize = 200;

/// The columns of every table that records become rows of.
#[derive(Debug)]
pub struct TableBuilders {
    logs: Vec<TopicIncarnation>,
    events: EventColumns,
    token_chunks: TokenChunkColumns,
    tool_executions: ToolExecutionColumns,
    state_diffs: StateDiffColumns,
    checkpoints: CheckpointColumns,
    event_batches: EventBatchColumns,
    metrics: MetricsColumns,
    errors: ErrorColumns,
    execution_traces: ExecutionTraceColumns,
    dead_letters: DeadLetterColumns,
    rows: usize,
    bytes: usize,
    /// Bytes by table, in the order of [`Table::ALL`].
    table_bytes: [usize; Table::ALL.len()],
}

impl Default for TableBuilders {
    fn default() -> Self {
        Self::new()
    }
}

impl TableBuilders {
    /// Tables without rows.
    #[must_use]
    pub fn new() -> Self {
        Self {
            logs: Vec::new(),
            events: EventColumns::new(),
            token_chunks: TokenChunkColumns::new(),
            tool_executions: ToolExecutionColumns::new(),
            state_diffs: StateDiffColumns::new(),
            checkpoints: CheckpointColumns::new(),
            event_batches: EventBatchColumns::new(),
            metrics: MetricsColumns::new(),
            errors: ErrorColumns::new(),
            execution_traces: ExecutionTraceColumns::new(),
            dead_letters: DeadLetterColumns::new(),
            rows: 0,
            bytes: 0,
            table_bytes: [0; Table::ALL.len()],
        }
    }

    /// Makes a topic's incarnation known.
    pub fn log_index(&mut self, log: &TopicIncarnation) -> LogIndex {
        let known = self.logs.iter().position(|known| known == log);
        let index = known.unwrap_or_else(|| {
            self.logs.push(log.clone());
            for common in self.common_columns() {
                common.log.add(log);
            }
            self.dead_letters.log.add(log);
            self.logs.len() - 1
        });
        LogIndex(i32::try_from(index).unwrap_or(i32::MAX))
    }

    fn common_columns(&mut self) -> [&mut CommonColumns; 9] {
        [
            &mut self.events.common,
            &mut self.token_chunks.common,
            &mut self.tool_executions.common,
            &mut self.state_diffs.common,
            &mut self.checkpoints.common,
            &mut self.event_batches.common,
            &mut self.metrics.common,
            &mut self.errors.common,
            &mut self.execution_traces.common,
        ]
    }

    /// Rows since the last [`Self::finish`].
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes of memory the rows take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows of one table since the last [`Self::finish`]: where its next row will stand.
    #[must_use]
    pub fn rows_of(&self, table: Table) -> usize {
        match table {
            Table::Events => self.events.common.rows(),
            Table::TokenChunks => self.token_chunks.common.rows(),
            Table::ToolExecutions => self.tool_executions.common.rows(),
            Table::StateDiffs => self.state_diffs.common.rows(),
            Table::Checkpoints => self.checkpoints.common.rows(),
            Table::EventBatches => self.event_batches.common.rows(),
            Table::Metrics => self.metrics.common.rows(),
            Table::Errors => self.errors.common.rows(),
            Table::ExecutionTraces => self.execution_traces.common.rows(),
            Table::DeadLetters => self.dead_letters.rows(),
            Table::DeadLetterResolutions | Table::SequenceRuns | Table::OffsetHoles | Table::SequenceBook => {
                0
            }
        }
    }

    /// Appends the rows of one decoded record. `numbered` is what the sequence book said of the message, and
    /// `events_numbered` of each event of a batch; it is empty for other messages.
    pub fn append(
        &mut self,
        place: &Place<'_>,
        decoded: &Decoded<'_>,
        numbered: Numbered,
        events_numbered: &[Numbered],
    ) {
        let (rows_before, bytes_before) = (self.rows, self.bytes);
        self.rows += 1;
        // Key and headers stand in each row of a record, unless they are so long that its many rows would be too much.
        let beside = place.key.map_or(0, <[u8]>::len) + place.headers.map_or(0, str::len);
        let bare = Place {
            key: None,
            headers: None,
            ..*place
        };
        let repeats_beside = decoded.message.rows().saturating_mul(beside) <= COMPOSED_BYTES_MAX;
        let place_repeated = if repeats_beside { place } else { &bare };
        let row = RowContext {
            place,
            place_repeated,
            numbered,
            composed: decoded.composed,
            unknown_fields: &decoded.unknown_fields.message,
        };
        match &decoded.message {
            Message::Event(view) => self.events.push(&row, view, BatchMember::default()),
            Message::StateDiff(view) => self.state_diffs.push(&row, view),
            Message::TokenChunk(view) => {
                self.token_chunks.push(&row, view);
                // One byte of the wire can be a number of four.
                self.bytes += 4 * (view.token_ids.len() + view.logprobs.len());
            }
            Message::ToolExecution(view) => self.tool_executions.push(&row, view),
            Message::Checkpoint(view) => self.checkpoints.push(&row, view),
            Message::Metrics(view) => {
                self.metrics.push(&row, view);
                self.rows += view.metrics.len().saturating_sub(1);
                self.bytes += view.repeated_bytes();
            }
            Message::Error(view) => self.errors.push(&row, view),
            Message::EventBatch(view) => {
                self.event_batches.push(&row, view);
                self.rows += view.events.len();
                self.bytes += view.repeated_bytes();
                let batch_id = view.header.map_or(&[][..], |header| header.message_id);
                for (index, event) in view.events.iter().enumerate() {
                    let row = RowContext {
                        place: place_repeated,
                        numbered: events_numbered.get(index).copied().unwrap_or(numbered),
                        unknown_fields: decoded
                            .unknown_fields
                            .events
                            .get(index)
                            .map_or(&[], Vec::as_slice),
                        ..row
                    };
                    let item = i32::try_from(index).unwrap_or(i32::MAX);
                    self.events.push(&row, event, BatchMember { item, batch_id });
                }
            }
            Message::ExecutionTrace(view) => self.execution_traces.push(&row, view),
        }
        let rows = self.rows - rows_before;
        let times_beside = if repeats_beside { rows } else { 1 };
        self.bytes +=
            decoded.protobuf_bytes + decoded.composed.len() + rows * ROW_BYTES + times_beside * beside;
        self.table_bytes[decoded.message.largest_table() as usize] += self.bytes - bytes_before;
    }

    /// Appends a record that was not decoded, whole.
    pub fn append_dead_letter(
        &mut self,
        place: &Place<'_>,
        value: Option<&[u8]>,
        rejection: &Rejection,
        policy: Policy,
    ) {
        self.dead_letters.push(place, value, rejection, policy);
        self.rows += 1;
        let beside = place.key.map_or(0, <[u8]>::len) + place.headers.map_or(0, str::len);
        let bytes = value.map_or(0, <[u8]>::len) + beside + ROW_BYTES;
        self.bytes += bytes;
        self.table_bytes[Table::DeadLetters as usize] += bytes;
    }

    /// About how many bytes of memory the rows of one table take. Rows of an EventBatch count as events.
    #[must_use]
    pub fn bytes_of(&self, table: Table) -> usize {
        self.table_bytes[table as usize]
    }

    /// Takes the rows of one table, and begins it anew.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn finish_one(&mut self, table: Table) -> Result<RecordBatch, ArrowError> {
        self.rows -= self.rows_of(table);
        self.bytes -= std::mem::take(&mut self.table_bytes[table as usize]);
        RecordBatch::try_new(table.schema(), self.finish_table(table))
    }

    /// Takes the rows of every table that has some, and begins anew.
    ///
    /// # Errors
    /// None that data can cause: columns that do not fit the schema of their table are a defect of this crate.
    pub fn finish(&mut self) -> Result<Vec<(Table, RecordBatch)>, ArrowError> {
        let mut batches = Vec::new();
        for table in Table::ALL {
            if self.rows_of(table) > 0 {
                batches.push((table, self.finish_one(table)?));
            }
        }
        self.rows = 0;
        self.bytes = 0;
        self.table_bytes = Default::default();
        Ok(batches)
    }

    fn finish_table(&mut self, table: Table) -> Vec<ArrayRef> {
        match table {
            Table::Events => self.events.finish(),
            Table::TokenChunks => self.token_chunks.finish(),
            Table::ToolExecutions => self.tool_executions.finish(),
            Table::StateDiffs => self.state_diffs.finish(),
            Table::Checkpoints => self.checkpoints.finish(),
            Table::EventBatches => self.event_batches.finish(),
            Table::Metrics => self.metrics.finish(),
            Table::Errors => self.errors.finish(),
            Table::ExecutionTraces => self.execution_traces.finish(),
            Table::DeadLetters => self.dead_letters.finish(),
            Table::DeadLetterResolutions | Table::SequenceRuns | Table::OffsetHoles | Table::SequenceBook => {
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests;
