//! The manifest in memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quipu_proto::{LogPartition, Offset, RecordFingerprint, Table};

use crate::segment::{Segment, SegmentId};

/// Number of a manifest. Each commit takes the next; the first, of an empty store, is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestId(pub u64);

impl ManifestId {
    /// The manifest of a store in which nothing was committed yet.
    pub const FIRST: Self = Self(1);

    /// The manifest that follows this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for ManifestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a store holds at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its number.
    pub id: ManifestId,
    /// Sets this store apart from every other: 32 hexadecimal digits, drawn when it was made.
    pub store_id: Arc<str>,
    /// The manifest that it replaced; none for the first.
    pub parent: Option<ManifestId>,
    /// Counts the writers that have opened the store.
    pub writer_epoch: u64,
    /// When it was made, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// The number that the next segment takes. Numbers are never used twice.
    pub next_segment: SegmentId,
    /// Live segments, in the order of their numbers.
    pub segments: Vec<Arc<Segment>>,
    /// How far each partition has been read, in the order of their names.
    pub partitions: Vec<PartitionState>,
    /// Rows committed since the store was made, by table; removed segments keep counting.
    pub rows_committed: Vec<TableRows>,
    /// The newest commits, oldest first, including the one that made this manifest.
    pub commits: Vec<Arc<CommitNote>>,
}

impl Manifest {
    /// The manifest of a store in which nothing was committed yet.
    pub(crate) fn first(store_id: impl Into<Arc<str>>, created_us: i64) -> Self {
        Self {
            id: ManifestId::FIRST,
            store_id: store_id.into(),
            parent: None,
            writer_epoch: 0,
            created_us,
            next_segment: SegmentId(1),
            segments: Vec::new(),
            partitions: Vec::new(),
            rows_committed: Vec::new(),
            commits: Vec::new(),
        }
    }

    /// How far a partition has been read, if it ever was.
    #[must_use]
    pub fn partition(&self, log: &LogPartition) -> Option<&PartitionState> {
        self.partitions
            .binary_search_by(|state| state.log.cmp(log))
            .ok()
            .map(|at| &self.partitions[at])
    }

    /// The live segments of one table, in the order of their numbers.
    pub fn segments_of(&self, table: Table) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter().filter(move |segment| segment.table == table)
    }

    /// The live segment of that number, if there is one.
    #[must_use]
    pub fn segment(&self, id: SegmentId) -> Option<&Arc<Segment>> {
        self.segments
            .binary_search_by(|segment| segment.id.cmp(&id))
            .ok()
            .map(|at| &self.segments[at])
    }

    /// Rows of one table in live segments.
    #[must_use]
    pub fn rows(&self, table: Table) -> u64 {
        self.segments_of(table).map(|segment| segment.rows).sum()
    }
}

/// A number of rows of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableRows {
    /// The table.
    pub table: Table,
    /// How many rows.
    pub rows: u64,
}

/// What one commit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitNote {
    /// The manifest that it made.
    pub manifest: ManifestId,
    /// When, in microseconds since the Unix epoch.
    pub created_us: i64,
    /// Rows added, by table; tables without new rows are left out. A merge of segments adds none.
    pub rows: Vec<TableRows>,
    /// Segments added.
    pub segments_added: u32,
    /// Segments removed.
    pub segments_removed: u32,
    /// Bytes of the added segments.
    pub bytes_added: u64,
    /// Time to encode and write the segments.
    pub press: Duration,
    /// Time to make them durable after that.
    pub sync: Duration,
}

impl CommitNote {
    /// Rows added to all tables.
    #[must_use]
    pub fn rows_added(&self) -> u64 {
        self.rows.iter().map(|table| table.rows).sum()
    }
}

/// How far a partition of one life of a topic has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// The partition.
    pub log: LogPartition,
    /// The offset to read next: everything from `first_offset` up to this one is in the store.
    pub next_offset: Offset,
    /// Whether the first messages of its threads can have been seen.
    pub head: Head,
    /// Where reading began.
    pub first_offset: Offset,
    /// The oldest offset that the broker had when reading began.
    pub log_start_at_open: Offset,
    /// Leader epoch of the last record read, if the broker tells it: a later, lower one betrays a truncated log.
    pub leader_epoch: Option<i32>,
    /// The last record read: if the broker has another one there, the log is not the one that was read.
    pub last_record: Option<RecordFingerprint>,
    /// The broker's high watermark when this was committed.
    pub high_watermark: Option<Offset>,
}

/// Whether the first messages of a partition's threads can have been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Head {
    /// The log was read from its very beginning: a thread that does not start at 1 has lost its head.
    FromOne,
    /// Reading began in mid-stream, or the log had lost its beginning: missing first numbers prove nothing.
    #[default]
    Unknown,
}

impl Head {
    /// The word in column `head`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FromOne => "from_one",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
