//! The tables of a store, by name.

use std::fmt;

use arrow_schema::SchemaRef;

use crate::schema;

/// A table of the store. Its rows lie in segments, each of which holds rows of one table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row per Event, including those inside an EventBatch.
    Events,
    /// One row per TokenChunk.
    TokenChunks,
    /// One row per ToolExecution: one stage of a call.
    ToolExecutions,
    /// One row per StateDiff.
    StateDiffs,
    /// One row per Checkpoint.
    Checkpoints,
    /// One row per EventBatch; its events are rows of [`Table::Events`].
    EventBatches,
    /// One row per entry of a Metrics message, or one with a null name when it has none.
    Metrics,
    /// One row per Error.
    Errors,
    /// One row per ExecutionTrace.
    ExecutionTraces,
    /// One row per record that could not be decoded, kept whole.
    DeadLetters,
    /// One row per dead letter that was decoded after all: what it stood for is in the other tables since then. The
    /// letter itself stays.
    DeadLetterResolutions,
    /// The ledger: one row per unbroken run of sequences of one emitter seen in one commit. Rows of several commits that
    /// touch become one when segments are merged.
    SequenceRuns,
    /// Ranges of offsets that hold no record for us, with the cause.
    OffsetHoles,
    /// A snapshot of the sequence book, so that rebuilding it reads only what came after. Not shown in SQL.
    SequenceBook,
}

impl Table {
    /// Every table, in the order of its definition.
    pub const ALL: [Self; 14] = [
        Self::Events,
        Self::TokenChunks,
        Self::ToolExecutions,
        Self::StateDiffs,
        Self::Checkpoints,
        Self::EventBatches,
        Self::Metrics,
        Self::Errors,
        Self::ExecutionTraces,
        Self::DeadLetters,
        Self::DeadLetterResolutions,
        Self::SequenceRuns,
        Self::OffsetHoles,
        Self::SequenceBook,
    ];

    /// The name in SQL, in manifests and as a folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::TokenChunks => "token_chunks",
            Self::ToolExecutions => "tool_executions",
            Self::StateDiffs => "state_diffs",
            Self::Checkpoints => "checkpoints",
            Self::EventBatches => "event_batches",
            Self::Metrics => "metrics",
            Self::Errors => "errors",
            Self::ExecutionTraces => "execution_traces",
            Self::DeadLetters => "dead_letters",
            Self::DeadLetterResolutions => "dead_letter_resolutions",
            Self::SequenceRuns => "sequence_runs",
            Self::OffsetHoles => "offset_holes",
            Self::SequenceBook => "sequence_book",
        }
    }

    /// The table of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether the rows are decoded messages: such tables begin with the common columns and end with
    /// `unknown_fields`.
    #[must_use]
    pub fn is_fact(self) -> bool {
        self <= Self::ExecutionTraces
    }

    /// The columns of the table.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        schema::of(self)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_table_is_found_by_its_name() {
        for (index, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!(table as usize, index);
            assert_eq!(Table::from_name(&table.to_string()), Some(table));
        }
        assert_eq!(Table::from_name("Events"), None);
    }

    #[test]
    fn fact_tables_begin_with_the_common_columns_and_end_with_the_unknown_fields() {
        let names = |table: Table| -> Vec<String> {
            table
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect()
        };
        let common = &names(Table::Events)[..19];
        assert_eq!(common.first().unwrap(), "topic");
        assert_eq!(common.last().unwrap(), "header_compression");
        for table in Table::ALL {
            let names = names(table);
            let is_fact = names.starts_with(common) && names.last().unwrap() == "unknown_fields";
            assert_eq!(table.is_fact(), is_fact, "{table}");
            assert_eq!(names[..3], ["topic", "incarnation", "partition"], "{table}");
        }
    }

    #[test]
    fn no_table_has_two_columns_of_one_name() {
        for table in Table::ALL {
            let schema = table.schema();
            let mut names: Vec<_> = schema.fields().iter().map(|field| field.name()).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), schema.fields().len(), "{table}");
        }
    }
}
