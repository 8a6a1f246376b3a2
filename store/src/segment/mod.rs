//! Segments: immutable Parquet files of one table each.
//!
//! | file | what it holds |
//! |---|---|
//! | `writer` | batches to a synced file |
//! | `layout` | how each column is laid out, with the reasons |
//! | `encode` | columns to the pages of a file |
//! | `stats` | ranges of the columns that look-ups use |
//! | `filter` | the filter of thread ids |
//! | `checked` | sums of all blocks, so that parts can be read and damage is found |
//! | `reader` | a segment back to batches |

mod checked;
mod encode;
mod filter;
mod layout;
pub(crate) mod reader;
mod stats;
pub(crate) mod writer;

use std::fmt;

use quipu_proto::Table;

pub use checked::{BLOCK_BYTES, BlockSums, CheckedTail, SegmentDamage, SegmentTail};
pub use filter::ThreadFilter;
pub use reader::{SegmentBatches, read_segment};
pub use stats::{ColumnRange, RANGED_COLUMNS, SegmentStats, StatValue, StatsCollector};

use crate::manifest::ManifestId;

/// Number of a segment; never used twice in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the manifest knows of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its number.
    pub id: SegmentId,
    /// The table whose rows it holds.
    pub table: Table,
    /// Its file, relative to the root of the store, with `/` between the parts.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
    /// Length of the file.
    pub bytes: u64,
    /// XXH3-64 of the whole file.
    pub checksum: u64,
    /// Where the sums of its blocks are; none in a segment of an older store, parts of which cannot be checked.
    pub tail: Option<SegmentTail>,
    /// The manifest with which it became visible.
    pub added_by: ManifestId,
    /// The first commit whose rows it holds: an earlier one than `added_by` where rows of several commits were merged.
    pub first_commit: ManifestId,
    /// The last commit whose rows it holds. Rows of other segments of the table never lie between both.
    pub last_commit: ManifestId,
    /// Fingerprint of the schema it was written with: see [`schema_fingerprint`].
    pub schema_fingerprint: u64,
    /// Ranges of its columns.
    pub stats: SegmentStats,
}

/// A hash of names, types and nullability of a schema's columns: two segments with the same one need no adapting.
#[must_use]
pub fn schema_fingerprint(schema: &arrow_schema::Schema) -> u64 {
    let mut text = String::new();
    for field in schema.fields() {
        use fmt::Write;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} {} {}",
            field.name(),
            field.data_type(),
            field.is_nullable()
        );
    }
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
