//! Rebuilding the sequence book from the store: its newest snapshot, then every message committed after it.
//!
//! A segment holds rows of one commit or, after a merge, of several, which never lie on both sides of the snapshot.
//! Segments that have commits in common are replayed together, each partition in the order of its offsets: that is the
//! order in which its messages were counted, whatever commit brought them.

use std::collections::HashMap;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, RecordBatch};
use quipu_proto::{LogPartition, PartitionId, Table, TopicIncarnation};
use quipu_store::sequence::{PartitionKey, ReplayRow, SequenceBook};
use quipu_store::{ManifestId, Segment, Snapshot, read_segment};

use crate::error::Result;
use crate::repeats::Position;
use crate::rows::{Texts, column};

const COLUMNS: [&str; 10] = [
    "topic",
    "incarnation",
    "partition",
    "offset",
    "item",
    "message_id",
    "time",
    "tenant_id",
    "thread_id",
    "sequence",
];

/// Fills an empty book.
pub(crate) fn rebuild(book: &mut SequenceBook, snapshot: &Snapshot) -> Result<()> {
    let mut taken_at = ManifestId::default();
    for segment in snapshot.segments(Table::SequenceBook) {
        taken_at = taken_at.max(segment.added_by);
        for batch in read_segment(&snapshot.path_of(segment), segment, &[])? {
            book.restore(&batch?)?;
        }
    }
    let mut segments: Vec<&Segment> = snapshot
        .manifest()
        .segments
        .iter()
        .filter(|segment| segment.table.is_fact() && segment.first_commit > taken_at)
        .map(AsRef::as_ref)
        .collect();
    segments.sort_by_key(|segment| segment.first_commit);
    let mut together: Vec<&Segment> = Vec::new();
    let mut last = ManifestId::default();
    for segment in segments {
        if segment.first_commit > last {
            replay(book, snapshot, &together)?;
            together.clear();
        }
        last = last.max(segment.last_commit);
        together.push(segment);
    }
    replay(book, snapshot, &together)
}

/// One message, by the place of its row.
struct Place {
    partition: PartitionKey,
    position: Position,
    batch: usize,
    row: usize,
}

/// Replays the messages of segments in the order in which they were counted.
fn replay(book: &mut SequenceBook, snapshot: &Snapshot, segments: &[&Segment]) -> Result<()> {
    let mut batches = Vec::new();
    let mut places = Vec::new();
    for segment in segments {
        let path = snapshot.path_of(segment);
        for batch in read_segment(&path, segment, &COLUMNS)? {
            let batch = batch?;
            locate(
                book,
                snapshot,
                segment.table,
                &batch,
                &path,
                batches.len(),
                &mut places,
            )?;
            batches.push((batch, path.clone()));
        }
    }
    places.sort_by_key(|place| (place.partition, place.position));
    // The entries of one Metrics message are rows of one position.
    places.dedup_by_key(|place| (place.partition, place.position));
    let rows = batches
        .iter()
        .map(|(batch, path)| Rows::of(batch, path))
        .collect::<Result<Vec<_>>>()?;
    for place in places {
        book.replay(place.partition, &rows[place.batch].get(place.row));
    }
    Ok(())
}

fn locate(
    book: &mut SequenceBook,
    snapshot: &Snapshot,
    table: Table,
    batch: &RecordBatch,
    origin: &Path,
    batch_index: usize,
    places: &mut Vec<Place>,
) -> Result<()> {
    let topic = Texts::of(batch, "topic", origin)?;
    let incarnation = Texts::of(batch, "incarnation", origin)?;
    let partition = column(batch, "partition", origin, |array| {
        array.as_primitive_opt::<Int32Type>()
    })?;
    let offset = column(batch, "offset", origin, |array| {
        array.as_primitive_opt::<Int64Type>()
    })?;
    let item = column(batch, "item", origin, |array| {
        array.as_primitive_opt::<Int32Type>()
    })?;
    let mut keys: HashMap<(&str, &str, i32), PartitionKey> = HashMap::new();
    for row in 0..batch.num_rows() {
        let (topic, incarnation) = (topic.value(row), incarnation.value(row));
        let key = *keys
            .entry((topic, incarnation, partition.value(row)))
            .or_insert_with(|| {
                let log = TopicIncarnation::new(topic, incarnation);
                let log = LogPartition::new(log, PartitionId(partition.value(row)));
                let head = snapshot
                    .manifest()
                    .partition(&log)
                    .map_or_else(Default::default, |state| state.head);
                book.open_partition(&log, head)
            });
        let position = Position::of(table, offset.value(row), item.value(row));
        places.push(Place {
            partition: key,
            position,
            batch: batch_index,
            row,
        });
    }
    Ok(())
}

/// The columns of one batch that the book cares about.
struct Rows<'a> {
    tenant_id: Texts<'a>,
    thread_id: Texts<'a>,
    sequence: &'a arrow_array::UInt64Array,
    message_id: &'a arrow_array::BinaryArray,
    time: &'a arrow_array::TimestampMicrosecondArray,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch, origin: &Path) -> Result<Self> {
        Ok(Self {
            tenant_id: Texts::of(batch, "tenant_id", origin)?,
            thread_id: Texts::of(batch, "thread_id", origin)?,
            sequence: column(batch, "sequence", origin, |array| {
                array.as_primitive_opt::<UInt64Type>()
            })?,
            message_id: column(batch, "message_id", origin, |array| array.as_binary_opt::<i32>())?,
            time: column(batch, "time", origin, |array| {
                array.as_primitive_opt::<TimestampMicrosecondType>()
            })?,
        })
    }

    fn get(&self, row: usize) -> ReplayRow<'a> {
        ReplayRow {
            tenant_id: self.tenant_id.value(row),
            thread_id: self.thread_id.value(row),
            sequence: self.sequence.value(row),
            message_id: if self.message_id.is_valid(row) {
                self.message_id.value(row)
            } else {
                &[]
            },
            time_us: self.time.is_valid(row).then(|| self.time.value(row)),
        }
    }
}
