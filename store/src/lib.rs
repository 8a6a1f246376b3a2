//! Columnar segments, the manifest, commits, snapshots and the sequence book.
//!
//! A store is a folder. One process writes it, any number read it, and every commit is all or nothing:
//!
//! ```text
//! quipu-store/
//!   FORMAT                                   what this folder is, and the version of its layout
//!   lock                                     locked by the writer while it lives
//!   manifest/00000000000000000042.manifest   live segments and Kafka positions; the newest one counts
//!   segments/events/000000000000001f.parquet rows of one table, never changed
//!   leases/..42-4711-8c1d.lease              locked by a reader while it needs manifest 42
//!   book/                                    index of the sequence book; may be deleted at any time
//!   .tmp-*                                   (in any folder) a file being written
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `writer` | [`Writer`]: the lock, the commits |
//! | `commit` | what a commit takes and tells; batches to durable segments |
//! | `snapshot` | [`Reader`] and [`Snapshot`]: what readers see |
//! | `manifest/` | the manifest: model, bytes, invariants, publication, recovery |
//! | `segment/` | Parquet files: settings, statistics, filter, checked reading |
//! | `sequence/` | the sequence book |
//! | `merge/` | the tail merge: small segments that commits left become larger ones |
//! | `gc`, `lease` | removal of what no reader needs, and how readers say what they need |
//! | `disk` | the only module that changes files |
//! | `paths`, `folders`, `format`, `lock` | names, the folder itself, the format file, the writer's lock |
//!
//! The order of a commit, and where it may stop: segments under temporary names → synced → named → folders synced →
//! manifest under a temporary name → synced → **named: visible** → folder synced: **durable**. Whatever is cut short
//! before the manifest has its name leaves files that the next writer removes, behind a manifest of its own: whoever has
//! made them, and perhaps lives, can publish nothing after that.
//!
//! What this crate is not: a query engine (quipu-sql reads the segments), or a cache of their content.

pub mod config;
pub mod disk;
pub mod manifest;
pub mod merge;
pub mod paths;
pub mod segment;
pub mod sequence;

mod commit;
mod error;
mod failure;
mod folders;
mod format;
mod gc;
mod lease;
mod lock;
mod snapshot;
mod writer;

pub use commit::{Commit, CommitReport};
pub use config::{Syncing, WriterOptions};
pub use error::{Result, StoreError, StoreErrorKind};
pub use format::{FORMAT_VERSION, format_text};
pub use lock::{is_being_written, writer_of};
pub use manifest::{CommitNote, Head, Manifest, ManifestId, PartitionState, TableRows};
pub use merge::MergeReport;
pub use quipu_proto::RecordFingerprint;
pub use segment::{
    BLOCK_BYTES, BlockSums, CheckedTail, ColumnRange, Segment, SegmentBatches, SegmentDamage, SegmentId,
    SegmentStats, SegmentTail, StatValue, ThreadFilter, read_segment,
};
pub use snapshot::{Reader, Snapshot};
pub use writer::Writer;
