//! Parquet settings of the segments, column by column, each with its reason.
//!
//! What a column gets follows from its type, and for text and bytes from what is in it:
//!
//! | kind | columns | encoding | compression |
//! |---|---|---|---|
//! | number | all integers and times | deltas, bit-packed | none |
//! | repeating | names, ids that come again | dictionary | zstd |
//! | random | ids and hashes that never repeat | lengths, then bytes | none |
//! | long | text and JSON | lengths, then bytes | zstd, harder |
//! | other | flags, floating point, lists | plain | zstd |

use std::sync::LazyLock;

use arrow_schema::{DataType, Field};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use quipu_proto::Table;

/// Dictionaries are packed before zstd sees them: more than level 1 finds nothing more in them. Packed deltas are not
/// worth its time at all: over a million messages it saved less than a byte a message.
const ZSTD_LEVEL: i32 = 1;

/// Long text is two thirds of a store. Over a million messages level 1 made 115 bytes a message, level 2 105, level 3
/// 100; level 2 cost 5 % more time for the whole way than level 1, level 3 10 %.
const LONG_ZSTD_LEVEL: i32 = 2;

/// Bytes per page of long text before compression: level 2 looks back 1 MiB, which smaller pages would waste.
const LONG_PAGE_BYTES: usize = 4 << 20;

/// Rows per row group: the unit that a query skips or reads, and that the writer holds in memory.
const ROW_GROUP_ROWS: usize = 262_144;

/// Rows per page: the unit that the page index of `offset` and the times can skip.
const PAGE_ROWS: usize = 32_768;

/// Bytes per page before compression.
const PAGE_BYTES: usize = 1 << 20;

/// Bytes of distinct values up to which a dictionary pays; beyond it the column goes on without one.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Rows handed to a column's encoder at once.
const WRITE_BATCH_ROWS: usize = 8192;

/// Bytes kept of a bound in the file's own statistics.
const BOUND_BYTES: usize = 64;

/// Bytes that are as good as random: no dictionary, no compression and no bounds help.
const RANDOM: [&str; 6] = [
    "message_id",
    "state_hash",
    "checksum",
    "payload_sha256",
    "checkpoint_id",
    "base_checkpoint_id",
];

/// Text and bytes that rarely repeat as a whole but compress well.
const LONG: [&str; 30] = [
    "text",
    "attributes",
    "arguments",
    "arguments_bytes",
    "result",
    "result_bytes",
    "error_details",
    "operations",
    "full_state",
    "full_state_bytes",
    "state",
    "state_bytes",
    "metadata",
    "message",
    "stack_trace",
    "context",
    "suggestions",
    "tags",
    "value_text",
    "nodes",
    "errors",
    "final_state",
    "final_state_bytes",
    "payload",
    "unknown_fields",
    "recent_ids",
    "parent_id",
    "batch_id",
    "started_at",
    "ended_at",
];

/// Text by whose range other engines, and our own scans, skip row groups. Bounds of other text cost more than they
/// save.
const SEARCHED: [&str; 9] = [
    "topic",
    "tenant_id",
    "thread_id",
    "node_id",
    "tool_name",
    "event_type",
    "name",
    "reason",
    "model",
];

/// Numbers that rise along the file, so that an index of pages finds rows.
const RISING: [&str; 3] = ["offset", "kafka_time", "time"];

/// How the values of a column are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Repeating,
    Random,
    Long,
    Other,
}

impl Kind {
    fn of(field: &Field) -> Self {
        let name = field.name().as_str();
        match field.data_type() {
            DataType::Int32 | DataType::Int64 | DataType::UInt64 | DataType::Timestamp(..) => Self::Number,
            DataType::Binary if RANDOM.contains(&name) => Self::Random,
            DataType::Utf8 | DataType::Binary if LONG.contains(&name) => Self::Long,
            DataType::Utf8 | DataType::Binary | DataType::Dictionary(..) => Self::Repeating,
            _ => Self::Other,
        }
    }
}

/// The settings with which segments of a table are written.
#[must_use]
pub fn writer_properties(table: Table) -> WriterProperties {
    static PROPERTIES: LazyLock<Vec<WriterProperties>> =
        LazyLock::new(|| Table::ALL.into_iter().map(build).collect());
    PROPERTIES[table as usize].clone()
}

fn build(table: Table) -> WriterProperties {
    let zstd = |level| Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default());
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("quipu {}", env!("CARGO_PKG_VERSION")))
        // Version 1 pages: every reader takes them, and they are a little smaller here.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(zstd(ZSTD_LEVEL))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_write_batch_size(WRITE_BATCH_ROWS)
        .set_statistics_truncate_length(Some(BOUND_BYTES))
        .set_column_index_truncate_length(Some(BOUND_BYTES))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None);
    for field in table.schema().fields() {
        let column = ColumnPath::from(field.name().as_str());
        let name = field.name().as_str();
        builder = match Kind::of(field) {
            Kind::Number => {
                let statistics = if RISING.contains(&name) {
                    EnabledStatistics::Page
                } else {
                    EnabledStatistics::Chunk
                };
                builder
                    .set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED)
                    .set_column_compression(column.clone(), Compression::UNCOMPRESSED)
                    .set_column_statistics_enabled(column, statistics)
            }
            Kind::Repeating => {
                let statistics = if SEARCHED.contains(&name) {
                    EnabledStatistics::Chunk
                } else {
                    EnabledStatistics::None
                };
                builder
                    .set_column_dictionary_enabled(column.clone(), true)
                    .set_column_statistics_enabled(column, statistics)
            }
            Kind::Random => builder
                .set_column_encoding(column.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                .set_column_compression(column, Compression::UNCOMPRESSED),
            Kind::Long => builder
                .set_column_encoding(column.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                .set_column_compression(column.clone(), zstd(LONG_ZSTD_LEVEL))
                .set_column_data_page_size_limit(column, LONG_PAGE_BYTES),
            Kind::Other => builder.set_column_statistics_enabled(column, EnabledStatistics::Chunk),
        };
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_named_column_exists_in_some_table() {
        let exists = |name: &&str| {
            Table::ALL
                .iter()
                .any(|table| table.schema().column_with_name(name).is_some())
        };
        for name in RANDOM.iter().chain(&LONG).chain(&SEARCHED).chain(&RISING) {
            assert!(exists(name), "no table has a column {name}");
        }
    }

    #[test]
    fn message_ids_are_neither_compressed_nor_put_in_a_dictionary() {
        let properties = writer_properties(Table::Events);
        let column = ColumnPath::from("message_id");
        assert_eq!(properties.compression(&column), Compression::UNCOMPRESSED);
        assert!(!properties.dictionary_enabled(&column));
    }
}
