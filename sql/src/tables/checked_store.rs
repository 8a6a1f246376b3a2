//! The files of a snapshot, every byte of which is checked before a query sees it.
//!
//! A segment carries sums of its blocks, and the manifest one of its tail (see [`quipu_store::BlockSums`]). This object
//! store reads whole blocks, compares them with their sums, and hands out what was asked for: so a query over a damaged
//! segment is an error and never a wrong number, whatever reads through it. The tail, which holds Parquet's footer, is
//! read and checked as a whole; DataFusion keeps what it finds there.
//!
//! Segments of older stores have no sums and are handed out as they are.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    self, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use quipu_store::{BlockSums, CheckedTail, Segment, SegmentDamage, Snapshot};

type Result<T, E = object_store::Error> = std::result::Result<T, E>;

/// Reads the segments of one snapshot, checked.
#[derive(Debug)]
pub(crate) struct CheckedStore {
    files: LocalFileSystem,
    segments: HashMap<Path, Arc<Segment>>,
    /// Sums of the segments whose tail was read.
    sums: Mutex<HashMap<Path, BlockSums>>,
}

/// A segment is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {damage}")]
pub(crate) struct DamagedSegment {
    path: Path,
    damage: SegmentDamage,
}

impl CheckedStore {
    /// The segments of a snapshot, below its root.
    pub(crate) fn new(snapshot: &Snapshot) -> Result<Self> {
        Ok(Self {
            files: LocalFileSystem::new_with_prefix(snapshot.root())?,
            segments: snapshot
                .manifest()
                .segments
                .iter()
                .map(|segment| (Path::from(segment.path.as_str()), Arc::clone(segment)))
                .collect(),
            sums: Mutex::default(),
        })
    }

    /// Reads and checks the tail of a segment.
    async fn tail(&self, location: &Path, segment: &Segment, tail: Range<u64>) -> Result<CheckedTail> {
        let bytes = self.files.get_range(location, tail).await?;
        let checked = CheckedTail::new(segment, bytes).map_err(|damage| damaged(location, damage))?;
        let Some(checked) = checked else {
            return Err(generic("a segment with a tail has none"));
        };
        self.sums
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(location.clone(), checked.sums().clone());
        Ok(checked)
    }

    /// A range of a segment, checked.
    async fn range(&self, location: &Path, range: Range<u64>) -> Result<Bytes> {
        let segment = self.segments.get(location);
        let Some((segment, tail)) = segment.and_then(|segment| Some((segment, segment.tail_range()?))) else {
            return self.files.get_range(location, range).await;
        };
        let known = self
            .sums
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(location)
            .cloned();
        let (sums, checked) = match known {
            Some(sums) if range.end <= tail.start => (sums, None),
            _ => {
                let checked = self.tail(location, segment, tail.clone()).await?;
                (checked.sums().clone(), Some(checked))
            }
        };
        let before = range.start..range.end.min(tail.start);
        let body = if before.is_empty() {
            Bytes::new()
        } else {
            let blocks = self
                .files
                .get_range(location, sums.aligned(before.clone()))
                .await?;
            sums.cut(before, blocks)
                .map_err(|damage| damaged(location, damage))?
        };
        if range.end <= tail.start {
            return Ok(body);
        }
        let within = range.start.max(tail.start)..range.end;
        let Some(end) = checked.and_then(|checked| checked.get(within)) else {
            return Err(generic("a range reaches beyond the end of its segment"));
        };
        if body.is_empty() {
            return Ok(end);
        }
        Ok([body, end].concat().into())
    }

    /// The range of a file that an option names.
    fn resolve(range: &GetRange, size: u64) -> Range<u64> {
        match range {
            GetRange::Bounded(range) => range.start..range.end.min(size),
            GetRange::Offset(start) => (*start).min(size)..size,
            GetRange::Suffix(bytes) => size.saturating_sub(*bytes)..size,
        }
    }
}

fn damaged(path: &Path, damage: SegmentDamage) -> object_store::Error {
    generic(DamagedSegment {
        path: path.clone(),
        damage,
    })
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic {
        store: "quipu",
        source: source.into(),
    }
}

fn only_reads() -> object_store::Error {
    object_store::Error::NotImplemented {
        operation: "writing".to_owned(),
        implementer: "the segments of a snapshot".to_owned(),
    }
}

impl fmt::Display for CheckedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checked {}", self.files)
    }
}

#[async_trait]
impl ObjectStore for CheckedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = self
            .files
            .get_opts(
                location,
                GetOptions {
                    range: None,
                    head: true,
                    ..options.clone()
                },
            )
            .await?;
        let range = options
            .range
            .as_ref()
            .map_or(0..head.meta.size, |range| Self::resolve(range, head.meta.size));
        let bytes = if options.head {
            Bytes::new()
        } else {
            self.range(location, range.clone()).await?
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed()),
            range,
            ..head
        })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        object_store::coalesce_ranges(
            ranges,
            |range| self.range(location, range),
            object_store::OBJECT_STORE_COALESCE_DEFAULT,
        )
        .await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(only_reads())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(only_reads())
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(only_reads()) }).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(only_reads())
    }
}
