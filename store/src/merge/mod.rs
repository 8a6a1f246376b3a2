//! The tail merge: small segments that commits left become larger ones.
//!
//! A store that commits every second would end with as many segments as seconds. So a commit that leaves more than
//! [`SEGMENTS_MAX`] small segments of one tier is followed by another, of the same writer and in the same protocol,
//! which replaces them by one. It adds no row and moves no position: what it has in common with every commit is that a
//! manifest names all of it or nothing of it.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan` | which segments are merged, and why these |
//! | `source` | a segment back to batches of its table's schema, in bounded memory |
//! | `rows` | rows one behind the other |
//! | `runs` | rows of `sequence_runs`, where those that touch become one |
//! | `task` | a plan carried out: files that are not yet named |
//! | `state` | the merge under way, and how long to wait after one that failed |
//!
//! # Tiers
//! Tier k are segments of 16^k to 16^(k+1) rows, for k from 0 to 3; segments above are not small. 17 segments of tier k
//! together are of a higher tier, so a row is rewritten at most once a tier: at most four times where a commit brings
//! less than 16 rows, once where it brings 4,096, never where it brings [`SMALL_ROWS`]. Only neighbours in age are
//! merged, so that the segments of a table never overlap in age, and where segments of a lower tier lie between they
//! are taken along; a row may then be rewritten more than once in a tier, as each time at least one segment of that
//! tier is added.
//!
//! Rows of `sequence_runs` are joined when they are merged, so their number does not grow with the commits. Beside the
//! tiers there is a second rule for them: when all younger segments have more than a [`RUNS_SURPLUS`]th of the rows of
//! the largest one, all become one. The rows are then at most 1.2 times those of one row per thread and gap, or
//! [`SMALL_ROWS`] more than these.
//!
//! # Order
//! Sources are read from the oldest to the youngest, each from its first row to its last. So rows of a partition, which
//! each commit has in order of offset and item, stay in that order. Rows of `sequence_runs` are sorted by name and stay
//! so.
//!
//! # The sequence book
//! It is rebuilt from its newest snapshot and the rows committed after it. A merge never takes rows of message tables
//! from both sides of that snapshot, and the segments say which commits they hold. Rows that a rebuild would replay are
//! merged for the same commits in all message tables at once, and while these commits together are small: a rebuild
//! puts them back in the order of their offsets, for which it holds in memory what shares commits.
//!
//! # Work per commit
//! A merge takes no further segment of a table, and no further table, once it has [`MERGE_ROWS_MAX`] rows or
//! [`MERGE_BYTES_MAX`] bytes; only the second rule for `sequence_runs` takes all of them. One of more than [`INLINE_ROWS_MAX`] rows or [`INLINE_BYTES_MAX`] bytes is carried out by
//! a thread of its own while ingestion goes on, and becomes visible after a later commit.
//!
//! # What may fail
//! A merge that fails leaves everything as it was: its files are removed and the next try waits. Only a failed sync, or
//! doubt about whether its manifest is visible, ends the writer, as it would in any commit.

mod plan;
mod rows;
mod runs;
mod source;
mod state;
mod task;

use std::time::Duration;

use quipu_proto::Table;

use crate::manifest::ManifestId;

pub(crate) use plan::{Plan, plan};
pub(crate) use source::is_readable;
pub(crate) use state::Merging;
pub(crate) use task::{Merged, Task};

/// Small segments of one tier that a table may keep: a query opens so many files more, and a row is rewritten once for
/// every sixteenfold growth of its segment.
pub const SEGMENTS_MAX: usize = 16;

/// Segments with fewer rows are small: 16^4, and a row group as ingestion writes it.
pub const SMALL_ROWS: u64 = 65_536;

/// Segments of that many bytes are not small, however few their rows are.
pub const SMALL_BYTES: u64 = 4 << 20;

/// Rows after which a merge takes no further segment. With the segments being small, at least five are taken, and what
/// becomes of them is small no more.
pub const MERGE_ROWS_MAX: u64 = 262_144;

/// Bytes after which a merge takes no further segment.
pub const MERGE_BYTES_MAX: u64 = 32 << 20;

/// The part of the largest segment of `sequence_runs` that the younger ones may reach before all become one: a fifth.
pub const RUNS_SURPLUS: u64 = 5;

/// Rows up to which a merge is carried out where ingestion waits for it: too few to be worth a thread of their own.
pub const INLINE_ROWS_MAX: u64 = 8_192;

/// Bytes up to which likewise.
pub const INLINE_BYTES_MAX: u64 = 1 << 20;

/// What a merge did.
#[derive(Clone, Debug)]
pub struct MergeReport {
    /// The manifest that it made.
    pub manifest: ManifestId,
    /// The tables whose segments it merged.
    pub tables: Vec<Table>,
    /// Segments that it replaced.
    pub segments_removed: usize,
    /// Segments that took their place.
    pub segments_added: usize,
    /// Rows that it read.
    pub rows_read: u64,
    /// Rows that it wrote: fewer where rows of `sequence_runs` were joined.
    pub rows_written: u64,
    /// Time to read, encode and write.
    pub press: Duration,
}
