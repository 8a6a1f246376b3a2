//! The bytes of a manifest.
//!
//! ```text
//!    0  magic             8 bytes  "QUIPUMAN"
//!    8  format version    u32
//!   12  compression       u32      0 none, 1 zstd
//!   16  stored length     u64      of the body as it stands in the file
//!   24  body length       u64      of the body when decompressed
//!   32  filters length    u64
//!   40  body              protobuf: ManifestRecord
//!    .  filters           thread filters of the segments, one after the other
//!    .  checksum          16 bytes XXH3-128 of everything before it
//! ```
//!
//! Numbers are little endian. The checksum always stands at the very end and covers all the rest, in every format
//! version, so that a newer format can be told from damage. The filters do not compress, so they stand apart and are
//! used where they lie.
//!
//! | version | what it adds |
//! |---|---|
//! | 1 | |
//! | 2 | where the sums of a segment's blocks are. Segments taken over from version 1 have none and are read unchecked |
//!
//! Both are read, and version 2 is written: an older program would drop the sums, so it must not go on.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use prost::bytes::{BufMut, Bytes};
use quipu_proto::{LogPartition, Offset, PartitionId, RecordFingerprint, Table, TopicIncarnation};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::StoreError;
use crate::manifest::{CommitNote, Head, Manifest, ManifestId, PartitionState, TableRows};
use crate::segment::{
    ColumnRange, RANGED_COLUMNS, Segment, SegmentId, SegmentStats, SegmentTail, StatValue, ThreadFilter,
};

const MAGIC: [u8; 8] = *b"QUIPUMAN";
/// 2 knows of segments that hold rows of several commits, which a reader of format 1 would replay twice, and of the sums of
/// their blocks.
const FORMAT_VERSION: u32 = 2;
/// The oldest format that is still read.
const FORMAT_VERSION_OLDEST: u32 = 1;
const HEADER_BYTES: usize = 40;
const CHECKSUM_BYTES: usize = 16;
const UNCOMPRESSED: u32 = 0;
const ZSTD: u32 = 1;

/// Level 1: a manifest is written by every commit and lives for a few of them.
const ZSTD_LEVEL: i32 = 1;

/// Smaller bodies are not worth compressing.
const COMPRESS_BYTES_MIN: usize = 4096;

/// The most that a body may grow when it is decompressed: far above what any store needs.
const BODY_BYTES_MAX: u64 = 1 << 30;

/// Why bytes are not a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are not what was written.
    #[error("{0}")]
    Damaged(String),
    /// They were written by a newer version.
    #[error("{0}")]
    Unsupported(String),
}

impl DecodeError {
    /// The error of the store, which names the file.
    pub(crate) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Damaged(what) => StoreError::damaged(path, what),
            Self::Unsupported(what) => StoreError::unsupported(path, what),
        }
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, DecodeError> {
    Err(DecodeError::Damaged(what.into()))
}

/// The bytes of a manifest.
#[must_use]
pub fn encode(manifest: &Manifest) -> Vec<u8> {
    let mut filters = Vec::new();
    let record = ManifestRecord::of(manifest, &mut filters);
    let body = record.encode_to_vec();
    let compressed = if body.len() < COMPRESS_BYTES_MIN {
        None
    } else {
        zstd::bulk::compress(&body, ZSTD_LEVEL).ok()
    };
    match &compressed {
        Some(compressed) if compressed.len() < body.len() => frame(ZSTD, body.len(), compressed, &filters),
        _ => frame(UNCOMPRESSED, body.len(), &body, &filters),
    }
}

/// Puts an uncompressed body and filters into a file's frame, with its checksum. For tests that damage what is inside.
#[must_use]
pub fn frame_uncompressed(body: &[u8], filters: &[u8]) -> Vec<u8> {
    frame(UNCOMPRESSED, body.len(), body, filters)
}

fn frame(compression: u32, body_len: usize, stored: &[u8], filters: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + stored.len() + filters.len() + CHECKSUM_BYTES);
    bytes.put_slice(&MAGIC);
    bytes.put_u32_le(FORMAT_VERSION);
    bytes.put_u32_le(compression);
    bytes.put_u64_le(stored.len() as u64);
    bytes.put_u64_le(body_len as u64);
    bytes.put_u64_le(filters.len() as u64);
    bytes.put_slice(stored);
    bytes.put_slice(filters);
    let checksum = xxh3_128(&bytes);
    bytes.put_u128_le(checksum);
    bytes
}

/// Reads a manifest. Whatever the bytes are, this neither panics nor takes more memory than they justify.
pub fn decode(bytes: impl Into<Bytes>) -> Result<Manifest, DecodeError> {
    let bytes: Bytes = bytes.into();
    if bytes.len() < HEADER_BYTES + CHECKSUM_BYTES {
        return damaged(format!(
            "a manifest has {} bytes at least, this file {}",
            HEADER_BYTES + CHECKSUM_BYTES,
            bytes.len()
        ));
    }
    if bytes[..8] != MAGIC {
        return damaged("it does not begin as a manifest does");
    }
    let covered = bytes.slice(..bytes.len() - CHECKSUM_BYTES);
    if xxh3_128(&covered).to_le_bytes() != bytes[covered.len()..] {
        return damaged("its checksum does not match its content");
    }
    let version = u32_at(&covered, 8);
    if !(FORMAT_VERSION_OLDEST..=FORMAT_VERSION).contains(&version) {
        return Err(DecodeError::Unsupported(format!(
            "manifest format {version} is unknown here, which knows formats {FORMAT_VERSION_OLDEST} to {FORMAT_VERSION}"
        )));
    }
    let (stored_len, body_len, filters_len) =
        (u64_at(&covered, 16), u64_at(&covered, 24), u64_at(&covered, 32));
    let expected = stored_len
        .checked_add(filters_len)
        .and_then(|sum| sum.checked_add(HEADER_BYTES as u64));
    if expected != Some(covered.len() as u64) {
        return damaged(format!(
            "its header promises {stored_len} and {filters_len} bytes, the file has others"
        ));
    }
    let filters_at = HEADER_BYTES + stored_len as usize;
    let stored = covered.slice(HEADER_BYTES..filters_at);
    let filters = covered.slice(filters_at..);
    let body = match u32_at(&covered, 12) {
        UNCOMPRESSED if stored_len == body_len => stored,
        ZSTD => decompress(&stored, body_len)?,
        other => {
            return damaged(format!(
                "its compression {other} is unknown or its lengths differ"
            ));
        }
    };
    let record = ManifestRecord::decode(body).map_err(|error| DecodeError::Damaged(error.to_string()))?;
    record.into_manifest(&filters)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

/// The buffer grows with what comes out, whatever length the header claims.
fn decompress(stored: &[u8], body_len: u64) -> Result<Bytes, DecodeError> {
    if body_len > BODY_BYTES_MAX {
        return damaged(format!(
            "a body of {body_len} bytes is above the limit of {BODY_BYTES_MAX}"
        ));
    }
    let broken =
        |error: std::io::Error| DecodeError::Damaged(format!("its body does not decompress: {error}"));
    let mut body = Vec::with_capacity(stored.len().saturating_mul(4).min(body_len as usize));
    let decoder = zstd::stream::read::Decoder::with_buffer(stored).map_err(broken)?;
    decoder
        .take(body_len.saturating_add(1))
        .read_to_end(&mut body)
        .map_err(broken)?;
    if body.len() as u64 != body_len {
        return damaged(format!(
            "its body has another length than the {body_len} bytes promised"
        ));
    }
    Ok(body.into())
}

#[derive(Clone, PartialEq, Message)]
struct ManifestRecord {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, optional, tag = "2")]
    parent: Option<u64>,
    #[prost(uint64, tag = "3")]
    writer_epoch: u64,
    #[prost(int64, tag = "4")]
    created_us: i64,
    #[prost(uint64, tag = "5")]
    next_segment: u64,
    #[prost(message, repeated, tag = "6")]
    segments: Vec<SegmentRecord>,
    #[prost(message, repeated, tag = "7")]
    partitions: Vec<PartitionRecord>,
    #[prost(message, repeated, tag = "8")]
    rows_committed: Vec<RowsRecord>,
    #[prost(message, repeated, tag = "9")]
    commits: Vec<CommitRecord>,
    #[prost(string, tag = "10")]
    store_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct SegmentRecord {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    table: String,
    #[prost(string, tag = "3")]
    path: String,
    #[prost(uint64, tag = "4")]
    rows: u64,
    #[prost(uint64, tag = "5")]
    bytes: u64,
    #[prost(fixed64, tag = "6")]
    checksum: u64,
    #[prost(uint64, tag = "7")]
    added_by: u64,
    #[prost(fixed64, tag = "8")]
    schema_fingerprint: u64,
    #[prost(message, repeated, tag = "9")]
    ranges: Vec<RangeRecord>,
    /// Where its thread filter lies among the filters; no length means no filter.
    #[prost(uint64, tag = "10")]
    filter_at: u64,
    #[prost(uint64, tag = "11")]
    filter_bytes: u64,
    #[prost(uint64, tag = "12")]
    threads: u64,
    /// Both are left out where they are `added_by`, as in every segment of format 1.
    #[prost(uint64, optional, tag = "21")]
    first_commit: Option<u64>,
    #[prost(uint64, optional, tag = "22")]
    last_commit: Option<u64>,
    #[prost(uint64, optional, tag = "13")]
    tail_offset: Option<u64>,
    #[prost(fixed64, optional, tag = "14")]
    tail_checksum: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct RangeRecord {
    /// Place in [`RANGED_COLUMNS`].
    #[prost(uint32, tag = "1")]
    column: u32,
    #[prost(sint64, optional, tag = "2")]
    min_int: Option<i64>,
    #[prost(sint64, optional, tag = "3")]
    max_int: Option<i64>,
    #[prost(string, optional, tag = "4")]
    min_text: Option<String>,
    #[prost(string, optional, tag = "5")]
    max_text: Option<String>,
    #[prost(uint64, tag = "6")]
    null_count: u64,
    #[prost(bool, tag = "7")]
    exact: bool,
}

#[derive(Clone, PartialEq, Message)]
struct PartitionRecord {
    #[prost(string, tag = "1")]
    topic: String,
    #[prost(string, tag = "2")]
    incarnation: String,
    #[prost(int32, tag = "3")]
    partition: i32,
    #[prost(int64, tag = "4")]
    next_offset: i64,
    #[prost(bool, tag = "5")]
    from_one: bool,
    #[prost(int64, tag = "6")]
    first_offset: i64,
    #[prost(int64, tag = "7")]
    log_start_at_open: i64,
    #[prost(int32, optional, tag = "8")]
    leader_epoch: Option<i32>,
    #[prost(int64, optional, tag = "9")]
    last_record_offset: Option<i64>,
    #[prost(fixed64, tag = "10")]
    last_record_hash: u64,
    #[prost(int64, optional, tag = "11")]
    high_watermark: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct RowsRecord {
    #[prost(string, tag = "1")]
    table: String,
    #[prost(uint64, tag = "2")]
    rows: u64,
}

#[derive(Clone, PartialEq, Message)]
struct CommitRecord {
    #[prost(uint64, tag = "1")]
    manifest: u64,
    #[prost(int64, tag = "2")]
    created_us: i64,
    #[prost(message, repeated, tag = "3")]
    rows: Vec<RowsRecord>,
    #[prost(uint32, tag = "4")]
    segments_added: u32,
    #[prost(uint32, tag = "5")]
    segments_removed: u32,
    #[prost(uint64, tag = "6")]
    bytes_added: u64,
    #[prost(uint64, tag = "7")]
    press_us: u64,
    #[prost(uint64, tag = "8")]
    sync_us: u64,
}

impl ManifestRecord {
    fn of(manifest: &Manifest, filters: &mut Vec<u8>) -> Self {
        Self {
            id: manifest.id.0,
            parent: manifest.parent.map(|parent| parent.0),
            writer_epoch: manifest.writer_epoch,
            created_us: manifest.created_us,
            next_segment: manifest.next_segment.0,
            segments: manifest
                .segments
                .iter()
                .map(|segment| SegmentRecord::of(segment, filters))
                .collect(),
            partitions: manifest.partitions.iter().map(PartitionRecord::of).collect(),
            rows_committed: manifest.rows_committed.iter().map(RowsRecord::of).collect(),
            commits: manifest
                .commits
                .iter()
                .map(|commit| CommitRecord::of(commit))
                .collect(),
            store_id: manifest.store_id.to_string(),
        }
    }

    fn into_manifest(self, filters: &Bytes) -> Result<Manifest, DecodeError> {
        let segments = self
            .segments
            .into_iter()
            .map(|segment| segment.into_segment(filters).map(Arc::new));
        let segments: Vec<Arc<Segment>> = segments.collect::<Result<_, _>>()?;
        if segments.windows(2).any(|pair| pair[0].id >= pair[1].id) {
            return damaged("its segments are not in the order of their numbers");
        }
        let partitions: Vec<PartitionState> = self
            .partitions
            .into_iter()
            .map(PartitionRecord::into_state)
            .collect();
        if partitions.windows(2).any(|pair| pair[0].log >= pair[1].log) {
            return damaged("its partitions are not in order");
        }
        Ok(Manifest {
            id: ManifestId(self.id),
            store_id: self.store_id.into(),
            parent: self.parent.map(ManifestId),
            writer_epoch: self.writer_epoch,
            created_us: self.created_us,
            next_segment: SegmentId(self.next_segment),
            segments,
            partitions,
            rows_committed: rows(self.rows_committed)?,
            commits: self
                .commits
                .into_iter()
                .map(|commit| commit.into_note().map(Arc::new))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl SegmentRecord {
    fn of(segment: &Segment, filters: &mut Vec<u8>) -> Self {
        let filter_at = filters.len() as u64;
        let mut threads = 0;
        if let Some(filter) = &segment.stats.threads {
            filters.extend_from_slice(filter.bytes());
            threads = filter.threads();
        }
        Self {
            id: segment.id.0,
            table: segment.table.name().to_owned(),
            path: segment.path.clone(),
            rows: segment.rows,
            bytes: segment.bytes,
            checksum: segment.checksum,
            added_by: segment.added_by.0,
            schema_fingerprint: segment.schema_fingerprint,
            ranges: segment
                .stats
                .columns
                .iter()
                .filter_map(|(name, range)| RangeRecord::of(name, range))
                .collect(),
            filter_at,
            filter_bytes: filters.len() as u64 - filter_at,
            threads,
            first_commit: Some(segment.first_commit.0).filter(|commit| *commit != segment.added_by.0),
            last_commit: Some(segment.last_commit.0).filter(|commit| *commit != segment.added_by.0),
            tail_offset: segment.tail.map(|tail| tail.offset),
            tail_checksum: segment.tail.map(|tail| tail.checksum),
        }
    }

    fn into_segment(self, filters: &Bytes) -> Result<Segment, DecodeError> {
        let Self {
            id,
            table,
            path,
            filter_at,
            filter_bytes,
            ..
        } = self;
        let table = table_of(&table)?;
        if !is_inside(&path) {
            return damaged(format!(
                "segment {id} claims to be at {path:?}, outside of the store"
            ));
        }
        let threads = if filter_bytes == 0 {
            None
        } else {
            let end = filter_at
                .checked_add(filter_bytes)
                .filter(|end| *end <= filters.len() as u64);
            let bytes = end.map(|end| filters.slice(filter_at as usize..end as usize));
            let filter = bytes.and_then(|bytes| ThreadFilter::from_bytes(bytes, self.threads));
            let Some(filter) = filter else {
                return damaged(format!("the thread filter of segment {id} is none"));
            };
            Some(filter)
        };
        let tail = match (self.tail_offset, self.tail_checksum) {
            (Some(offset), Some(checksum)) if offset <= self.bytes => Some(SegmentTail { offset, checksum }),
            (None, None) => None,
            _ => return damaged(format!("the tail of segment {id} is none")),
        };
        // Columns that only a newer version ranges are of no use here.
        let columns = self
            .ranges
            .into_iter()
            .filter_map(RangeRecord::into_range)
            .collect();
        Ok(Segment {
            id: SegmentId(id),
            table,
            path,
            rows: self.rows,
            bytes: self.bytes,
            checksum: self.checksum,
            tail,
            added_by: ManifestId(self.added_by),
            first_commit: ManifestId(self.first_commit.unwrap_or(self.added_by)),
            last_commit: ManifestId(self.last_commit.unwrap_or(self.added_by)),
            schema_fingerprint: self.schema_fingerprint,
            stats: SegmentStats { columns, threads },
        })
    }
}

/// A path that could lead out of the store must never reach the code that removes files.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']))
}

impl RangeRecord {
    fn of(name: &str, range: &ColumnRange) -> Option<Self> {
        let column = RANGED_COLUMNS.iter().position(|ranged| *ranged == name)? as u32;
        let (min_int, min_text) = split(range.min.as_ref());
        let (max_int, max_text) = split(range.max.as_ref());
        Some(Self {
            column,
            min_int,
            max_int,
            min_text,
            max_text,
            null_count: range.null_count,
            exact: range.exact,
        })
    }

    fn into_range(self) -> Option<(&'static str, ColumnRange)> {
        let name = RANGED_COLUMNS.get(self.column as usize)?;
        let range = ColumnRange {
            min: join(self.min_int, self.min_text),
            max: join(self.max_int, self.max_text),
            null_count: self.null_count,
            exact: self.exact,
        };
        Some((name, range))
    }
}

fn split(value: Option<&StatValue>) -> (Option<i64>, Option<String>) {
    match value {
        None => (None, None),
        Some(StatValue::Int(number)) => (Some(*number), None),
        Some(StatValue::Text(text)) => (None, Some(text.to_string())),
    }
}

fn join(number: Option<i64>, text: Option<String>) -> Option<StatValue> {
    number
        .map(StatValue::Int)
        .or_else(|| text.map(|text| StatValue::Text(text.into())))
}

impl PartitionRecord {
    fn of(state: &PartitionState) -> Self {
        Self {
            topic: state.log.log.topic.to_string(),
            incarnation: state.log.log.incarnation.to_string(),
            partition: state.log.partition.0,
            next_offset: state.next_offset.0,
            from_one: state.head == Head::FromOne,
            first_offset: state.first_offset.0,
            log_start_at_open: state.log_start_at_open.0,
            leader_epoch: state.leader_epoch,
            last_record_offset: state.last_record.map(|record| record.offset.0),
            last_record_hash: state.last_record.map_or(0, |record| record.hash),
            high_watermark: state.high_watermark.map(|offset| offset.0),
        }
    }

    fn into_state(self) -> PartitionState {
        let log = TopicIncarnation::new(self.topic, self.incarnation);
        PartitionState {
            log: LogPartition::new(log, PartitionId(self.partition)),
            next_offset: Offset(self.next_offset),
            head: if self.from_one {
                Head::FromOne
            } else {
                Head::Unknown
            },
            first_offset: Offset(self.first_offset),
            log_start_at_open: Offset(self.log_start_at_open),
            leader_epoch: self.leader_epoch,
            last_record: self.last_record_offset.map(|offset| RecordFingerprint {
                offset: Offset(offset),
                hash: self.last_record_hash,
            }),
            high_watermark: self.high_watermark.map(Offset),
        }
    }
}

impl RowsRecord {
    fn of(rows: &TableRows) -> Self {
        Self {
            table: rows.table.name().to_owned(),
            rows: rows.rows,
        }
    }
}

fn rows(records: Vec<RowsRecord>) -> Result<Vec<TableRows>, DecodeError> {
    records
        .into_iter()
        .map(|record| {
            Ok(TableRows {
                table: table_of(&record.table)?,
                rows: record.rows,
            })
        })
        .collect()
}

fn table_of(name: &str) -> Result<Table, DecodeError> {
    Table::from_name(name)
        .ok_or_else(|| DecodeError::Unsupported(format!("it has a table {name:?}, unknown here")))
}

impl CommitRecord {
    fn of(note: &CommitNote) -> Self {
        Self {
            manifest: note.manifest.0,
            created_us: note.created_us,
            rows: note.rows.iter().map(RowsRecord::of).collect(),
            segments_added: note.segments_added,
            segments_removed: note.segments_removed,
            bytes_added: note.bytes_added,
            press_us: note.press.as_micros() as u64,
            sync_us: note.sync.as_micros() as u64,
        }
    }

    fn into_note(self) -> Result<CommitNote, DecodeError> {
        Ok(CommitNote {
            manifest: ManifestId(self.manifest),
            created_us: self.created_us,
            rows: rows(self.rows)?,
            segments_added: self.segments_added,
            segments_removed: self.segments_removed,
            bytes_added: self.bytes_added,
            press: Duration::from_micros(self.press_us),
            sync: Duration::from_micros(self.sync_us),
        })
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
