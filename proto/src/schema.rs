//! The columns of every table.
//!
//! Rules that hold for all of them:
//! - Names carry their unit: `_us`, `_ms`, `_bytes`, `_usd`.
//! - The wire cannot tell an absent text, bytes field or duration from an empty one: such a value is null. Counts,
//!   flags and sequence numbers keep their 0. `tenant_id` and `thread_id` are never null.
//! - Text from a closed list is dictionary encoded in memory; Parquet encodes all repeating text that way.
//! - Types are those that other Parquet readers open unaided.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::table::Table;

/// Key of the field metadata that tells how a bytes column is to be shown: see [`Display`].
pub const DISPLAY_KEY: &str = "quipu.display";

/// How a bytes column is shown in text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// As a hyphenated UUID when 16 bytes long, else as hexadecimal.
    Uuid,
    /// As hexadecimal.
    Hex,
    /// As text when it is UTF-8, else as hexadecimal.
    Text,
}

impl Display {
    /// The value under [`DISPLAY_KEY`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Hex => "hex",
            Self::Text => "text",
        }
    }

    /// Reads the value under [`DISPLAY_KEY`] of a field; bytes that do not say are shown as [`Display::Uuid`].
    #[must_use]
    pub fn of(field: &Field) -> Self {
        match field.metadata().get(DISPLAY_KEY).map(String::as_str) {
            Some("hex") => Self::Hex,
            Some("text") => Self::Text,
            _ => Self::Uuid,
        }
    }
}

/// Type of every point in time: microseconds since the Unix epoch, UTC.
#[must_use]
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Type of text from a short list.
#[must_use]
pub fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn choice(name: &str) -> Field {
    required(name, dictionary_type())
}

fn text(name: &str) -> Field {
    optional(name, DataType::Utf8)
}

fn time(name: &str) -> Field {
    optional(name, time_type())
}

fn int(name: &str) -> Field {
    optional(name, DataType::Int64)
}

fn bytes(name: &str, display: Display) -> Field {
    optional(name, DataType::Binary).with_metadata(HashMap::from([(
        DISPLAY_KEY.to_owned(),
        display.as_str().to_owned(),
    )]))
}

fn list(name: &str, item: DataType) -> Field {
    optional(name, DataType::List(Arc::new(Field::new("item", item, false))))
}

/// Where a record lies: the first columns of every table that has one row or more per record.
fn place() -> Vec<Field> {
    vec![
        choice("topic"),
        choice("incarnation"),
        required("partition", DataType::Int32),
    ]
}

/// The columns with which every fact table begins.
fn common() -> Vec<Field> {
    let mut fields = place();
    fields.extend([
        required("offset", DataType::Int64),
        required("item", DataType::Int32),
        time("kafka_time"),
        bytes("key", Display::Text),
        text("headers"),
        bytes("message_id", Display::Uuid),
        time("time"),
        required("tenant_id", DataType::Utf8),
        required("thread_id", DataType::Utf8),
        required("sequence", DataType::UInt64),
        choice("sequence_verdict"),
        required("repeated", DataType::Boolean),
        bytes("parent_id", Display::Uuid),
        required("schema_version", DataType::Int64),
        choice("header_type"),
        choice("header_compression"),
    ]);
    fields
}

/// The columns of a fact table: common ones, its own, unknown fields.
fn fact(own: impl IntoIterator<Item = Field>) -> Vec<Field> {
    let mut fields = common();
    fields.extend(own);
    fields.push(bytes("unknown_fields", Display::Hex));
    fields
}

fn fields(table: Table) -> Vec<Field> {
    match table {
        Table::Events => fact([
            choice("event_type"),
            text("node_id"),
            int("duration_us"),
            text("llm_request_id"),
            text("attributes"),
            bytes("batch_id", Display::Uuid),
            text("graph_name"),
            text("model"),
            text("tool_name"),
            int("input_tokens"),
            int("output_tokens"),
            optional("cost_usd", DataType::Float64),
            text("error"),
        ]),
        Table::TokenChunks => fact([
            text("request_id"),
            text("text"),
            required("chunk_index", DataType::Int64),
            required("is_final", DataType::Boolean),
            choice("finish_reason"),
            text("model"),
            int("prompt_tokens"),
            int("completion_tokens"),
            int("total_tokens"),
            list("token_ids", DataType::UInt32),
            list("logprobs", DataType::Float32),
        ]),
        Table::ToolExecutions => fact([
            text("call_id"),
            text("tool_name"),
            choice("stage"),
            text("arguments"),
            bytes("arguments_bytes", Display::Text),
            text("result"),
            bytes("result_bytes", Display::Text),
            text("error"),
            text("error_code"),
            text("error_details"),
            int("duration_us"),
            required("retry_count", DataType::Int64),
        ]),
        Table::StateDiffs => fact([
            bytes("base_checkpoint_id", Display::Uuid),
            text("operations"),
            required("operation_count", DataType::Int64),
            bytes("state_hash", Display::Hex),
            text("full_state"),
            bytes("full_state_bytes", Display::Text),
        ]),
        Table::Checkpoints => fact([
            bytes("checkpoint_id", Display::Uuid),
            text("state"),
            bytes("state_bytes", Display::Text),
            text("state_type"),
            bytes("checksum", Display::Hex),
            optional("checksum_ok", DataType::Boolean),
            text("storage_uri"),
            optional("state_compression", dictionary_type()),
            optional("compressed_bytes", DataType::UInt64),
            optional("uncompressed_bytes", DataType::UInt64),
            optional("compression_ratio", DataType::Float32),
            text("metadata"),
        ]),
        Table::EventBatches => fact([required("event_count", DataType::Int64)]),
        Table::Metrics => fact([
            text("scope"),
            text("scope_id"),
            text("name"),
            optional("value", DataType::Float64),
            text("value_text"),
            optional("value_kind", dictionary_type()),
            text("unit"),
            optional("metric_type", dictionary_type()),
            text("tags"),
        ]),
        Table::Errors => fact([
            text("error_code"),
            text("message"),
            text("stack_trace"),
            text("context"),
            choice("severity"),
            text("exception_type"),
            text("suggestions"),
        ]),
        Table::ExecutionTraces => fact([
            text("execution_thread_id"),
            text("execution_id"),
            required("completed", DataType::Boolean),
            required("total_duration_ms", DataType::UInt64),
            required("total_tokens", DataType::UInt64),
            text("started_at"),
            text("ended_at"),
            text("nodes"),
            text("errors"),
            text("final_state"),
            bytes("final_state_bytes", Display::Text),
            text("metadata"),
        ]),
        Table::DeadLetters => {
            let mut fields = place();
            fields.extend([
                required("offset", DataType::Int64),
                time("kafka_time"),
                bytes("key", Display::Text),
                text("headers"),
                choice("reason"),
                text("error"),
                choice("policy"),
                bytes("payload", Display::Text),
                required("payload_bytes", DataType::Int64),
                bytes("payload_sha256", Display::Hex),
            ]);
            fields
        }
        Table::DeadLetterResolutions => {
            let mut fields = place();
            fields.extend([
                required("offset", DataType::Int64),
                // The policy under which the letter could be decoded.
                choice("policy"),
                time("resolved_at"),
                // How many rows it became in all tables, and the table of its message: that of the batch for events.
                required("rows", DataType::Int64),
                choice("first_table"),
            ]);
            fields
        }
        Table::SequenceRuns => {
            let mut fields = place();
            fields.extend([
                required("tenant_id", DataType::Utf8),
                required("thread_id", DataType::Utf8),
                choice("emitter"),
                required("first_sequence", DataType::UInt64),
                required("last_sequence", DataType::UInt64),
                required("messages", DataType::Int64),
                time("first_time"),
                time("last_time"),
                required("first_offset", DataType::Int64),
                required("last_offset", DataType::Int64),
                choice("head"),
            ]);
            fields
        }
        Table::OffsetHoles => {
            let mut fields = place();
            fields.extend([
                required("first_offset", DataType::Int64),
                required("last_offset", DataType::Int64),
                choice("cause"),
                time("detected_time"),
            ]);
            fields
        }
        Table::SequenceBook => {
            let mut fields = place();
            fields.extend([
                required("tenant_id", DataType::Utf8),
                required("thread_id", DataType::Utf8),
                required("newest_sequence", DataType::UInt64),
                time("newest_time"),
                optional("recent_ids", DataType::Binary),
                required("has_unsequenced", DataType::Boolean),
            ]);
            fields
        }
    }
}

/// The schema of a table. Each is built once.
pub(crate) fn of(table: Table) -> SchemaRef {
    static SCHEMAS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| {
        Table::ALL
            .into_iter()
            .map(|table| Arc::new(Schema::new(fields(table))))
            .collect()
    });
    Arc::clone(&SCHEMAS[table as usize])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_bytes_column_of_a_table_that_is_shown_says_how() {
        let shown = Table::ALL
            .into_iter()
            .filter(|table| *table != Table::SequenceBook);
        for table in shown {
            for field in table
                .schema()
                .fields()
                .iter()
                .filter(|field| *field.data_type() == DataType::Binary)
            {
                let said = field
                    .metadata()
                    .get(DISPLAY_KEY)
                    .unwrap_or_else(|| panic!("{table}.{}", field.name()));
                assert_eq!(Display::of(field).as_str(), said);
            }
        }
    }

    #[test]
    fn ids_are_shown_as_uuids_hashes_as_hexadecimal_and_payloads_as_text() {
        let display = |table: Table, name: &str| Display::of(table.schema().field_with_name(name).unwrap());
        assert_eq!(display(Table::Events, "message_id"), Display::Uuid);
        assert_eq!(display(Table::StateDiffs, "state_hash"), Display::Hex);
        assert_eq!(display(Table::DeadLetters, "payload_sha256"), Display::Hex);
        assert_eq!(display(Table::DeadLetters, "payload"), Display::Text);
        assert_eq!(display(Table::Checkpoints, "state_bytes"), Display::Text);
    }

    #[test]
    fn an_own_duration_or_size_names_its_unit() {
        let unit = |name: &str| {
            ["_us", "_ms", "_bytes", "_usd"]
                .iter()
                .any(|unit| name.ends_with(unit))
        };
        for table in Table::ALL {
            for field in table.schema().fields() {
                let name = field.name();
                if name.contains("duration") || name.contains("cost") {
                    assert!(unit(name), "{table}.{name}");
                }
            }
        }
    }
}
