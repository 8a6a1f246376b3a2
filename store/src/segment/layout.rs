//! How each column of a segment is laid out, with the reasons.
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
//!
//! A repeating column whose values turn out to differ nearly all has no dictionary: lengths, then bytes.

use std::sync::LazyLock;

use arrow_schema::{DataType, Field};
use parquet::file::properties::WriterProperties;
use quipu_proto::Table;

use super::encode::Codec;

/// Rows per row group: the unit that a query skips or reads.
pub(super) const ROW_GROUP_ROWS: usize = 262_144;

/// Rows per page: the unit that the page index of `offset` and the times can skip.
pub(super) const PAGE_ROWS: usize = 32_768;

/// Bytes per page before compression, for most columns.
const PAGE_BYTES: usize = 1 << 20;

/// Bytes per page of long text before compression: the match finder looks back 1 MiB, which smaller pages would waste.
const LONG_PAGE_BYTES: usize = 4 << 20;

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
pub(super) enum Kind {
    Number,
    Repeating,
    Random,
    Long,
    Other,
}

/// What the file tells of a column beside its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    /// Nothing.
    None,
    /// The range of each row group.
    Chunk,
    /// The ranges of each row group and each page.
    Page,
}

/// The layout of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) kind: Kind,
    pub(super) bounds: Bounds,
}

impl Layout {
    pub(super) fn of(field: &Field) -> Self {
        let name = field.name().as_str();
        let kind = match field.data_type() {
            DataType::Int32 | DataType::Int64 | DataType::UInt64 | DataType::Timestamp(..) => Kind::Number,
            DataType::Binary if RANDOM.contains(&name) => Kind::Random,
            DataType::Utf8 | DataType::Binary if LONG.contains(&name) => Kind::Long,
            DataType::Utf8 | DataType::Binary | DataType::Dictionary(..) => Kind::Repeating,
            _ => Kind::Other,
        };
        let bounds = match kind {
            Kind::Number if RISING.contains(&name) => Bounds::Page,
            Kind::Number => Bounds::Chunk,
            Kind::Repeating if SEARCHED.contains(&name) => Bounds::Chunk,
            _ => Bounds::None,
        };
        Self { kind, bounds }
    }

    /// How the pages are compressed.
    pub(super) fn codec(self) -> Codec {
        match self.kind {
            // Packed deltas are not worth the time: over a million messages it saved less than a byte a message.
            Kind::Number | Kind::Random => Codec::None,
            Kind::Repeating | Kind::Other => Codec::Light,
            Kind::Long => Codec::Long,
        }
    }

    /// Bytes per page before compression.
    pub(super) fn page_bytes(self) -> usize {
        match self.kind {
            Kind::Long => LONG_PAGE_BYTES,
            _ => PAGE_BYTES,
        }
    }
}

/// The layouts of a table's columns, in the order of its schema.
pub(super) fn layouts(table: Table) -> &'static [Layout] {
    static LAYOUTS: LazyLock<Vec<Vec<Layout>>> = LazyLock::new(|| {
        let of = |table: Table| {
            table
                .schema()
                .fields()
                .iter()
                .map(|field| Layout::of(field))
                .collect()
        };
        Table::ALL.into_iter().map(of).collect()
    });
    &LAYOUTS[table as usize]
}

/// What a file says of itself. The layouts above decide the rest.
pub(super) fn writer_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(format!("quipu {}", env!("CARGO_PKG_VERSION")))
        .build()
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
        let schema = Table::Events.schema();
        let layout = Layout::of(schema.field_with_name("message_id").unwrap());
        assert_eq!(layout.kind, Kind::Random);
        assert_eq!(layout.codec(), Codec::None);
    }
}
