//! The dead letters of a snapshot: where each lies, and which are resolved.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array as _, RecordBatch};
use quipu_proto::{LogPartition, PartitionId, Reason, Table, TopicIncarnation};
use quipu_store::{Segment, Snapshot, read_segment};

use crate::dead_letters::{Letter, LetterChoice, LetterPlace};
use crate::error::Result;
use crate::rows::{Texts, column};

/// Payload bytes of the letters that are read at a time. A letter that is larger is read alone.
const PART_BYTES: i64 = 64 << 20;

/// Where a letter lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    place: LetterPlace,
    /// Which of the segments, and which of its rows.
    segment: usize,
    row: usize,
    payload_bytes: i64,
}

/// The dead letters of a snapshot by their places. Payloads are read when they are asked for.
#[derive(Debug)]
pub struct LetterIndex {
    snapshot: Snapshot,
    /// In the order of places.
    entries: Vec<Entry>,
    resolved: BTreeSet<LetterPlace>,
}

impl LetterIndex {
    /// Reads the places of all letters and resolutions.
    ///
    /// # Errors
    /// A segment that cannot be read.
    pub fn read(snapshot: &Snapshot) -> Result<Self> {
        let mut entries = Vec::new();
        for (index, segment) in snapshot.segments(Table::DeadLetters).enumerate() {
            let path = snapshot.path_of(segment);
            let mut first = 0;
            for batch in read_segment(
                &path,
                segment,
                &["topic", "incarnation", "partition", "offset", "payload_bytes"],
            )? {
                let batch = batch?;
                let bytes = column(&batch, "payload_bytes", &path, |array| {
                    array.as_primitive_opt::<Int64Type>()
                })?;
                for (row, place) in places(&batch, &path)?.into_iter().enumerate() {
                    entries.push(Entry {
                        place,
                        segment: index,
                        row: first + row,
                        payload_bytes: bytes.value(row),
                    });
                }
                first += batch.num_rows();
            }
        }
        entries.sort_unstable();
        let mut resolved = BTreeSet::new();
        for segment in snapshot.segments(Table::DeadLetterResolutions) {
            let path = snapshot.path_of(segment);
            for batch in read_segment(&path, segment, &["topic", "incarnation", "partition", "offset"])? {
                resolved.extend(places(&batch?, &path)?);
            }
        }
        Ok(Self {
            snapshot: snapshot.clone(),
            entries,
            resolved,
        })
    }

    /// The places of all letters, in order.
    pub fn places(&self) -> impl Iterator<Item = &LetterPlace> {
        self.entries.iter().map(|entry| &entry.place)
    }

    /// Whether a letter is resolved.
    #[must_use]
    pub fn is_resolved(&self, place: &LetterPlace) -> bool {
        self.resolved.contains(place)
    }

    /// Whether there is such a letter.
    #[must_use]
    pub fn contains(&self, place: &LetterPlace) -> bool {
        self.entries
            .binary_search_by(|entry| entry.place.cmp(place))
            .is_ok()
    }

    /// Reads the chosen letters in the order of their places, in parts that fit into memory. Of
    /// [`LetterChoice::Places`] also those that are resolved.
    pub fn letters(&self, choice: &LetterChoice) -> impl Iterator<Item = Result<Vec<Letter>>> {
        let chosen: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| match choice {
                LetterChoice::Unresolved => !self.is_resolved(&entry.place),
                LetterChoice::Places(places) => places.contains(&entry.place),
            })
            .collect();
        let mut parts: Vec<Vec<&Entry>> = Vec::new();
        let mut bytes = 0;
        for entry in chosen {
            match parts.last_mut() {
                Some(part) if bytes + entry.payload_bytes <= PART_BYTES => part.push(entry),
                _ => {
                    bytes = 0;
                    parts.push(vec![entry]);
                }
            }
            bytes += entry.payload_bytes;
        }
        parts.into_iter().map(|part| self.load(&part))
    }

    fn load(&self, part: &[&Entry]) -> Result<Vec<Letter>> {
        let mut letters: Vec<Option<Letter>> = part.iter().map(|_| None).collect();
        for (index, segment) in self.snapshot.segments(Table::DeadLetters).enumerate() {
            let mut wanted: Vec<(usize, usize)> = part
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.segment == index)
                .map(|(at, entry)| (entry.row, at))
                .collect();
            wanted.sort_unstable();
            let mut wanted = wanted.into_iter().peekable();
            if wanted.peek().is_none() {
                continue;
            }
            let path = self.snapshot.path_of(segment);
            let mut first = 0;
            for batch in read_segment(&path, segment, &[])? {
                let batch = batch?;
                let rows = Rows::of(&batch, &path)?;
                while let Some((row, at)) = wanted.next_if(|(row, _)| *row < first + batch.num_rows()) {
                    letters[at] = Some(rows.letter(part[at].place.clone(), row - first));
                }
                first += batch.num_rows();
                if wanted.peek().is_none() {
                    break;
                }
            }
        }
        Ok(letters.into_iter().flatten().collect())
    }
}

/// The letters of one segment, batch by batch, in the order in which they came.
pub(super) fn segment_letters(
    path: PathBuf,
    segment: &Segment,
) -> Result<impl Iterator<Item = Result<Vec<Letter>>> + use<>> {
    Ok(read_segment(&path, segment, &[])?.map(move |batch| {
        let batch = batch?;
        let rows = Rows::of(&batch, &path)?;
        let places = places(&batch, &path)?;
        Ok(places
            .into_iter()
            .enumerate()
            .map(|(row, place)| rows.letter(place, row))
            .collect())
    }))
}

/// The places of the rows of a batch.
fn places(batch: &RecordBatch, origin: &Path) -> Result<Vec<LetterPlace>> {
    let topic = Texts::of(batch, "topic", origin)?;
    let incarnation = Texts::of(batch, "incarnation", origin)?;
    let partition = column(batch, "partition", origin, |array| {
        array.as_primitive_opt::<Int32Type>()
    })?;
    let offset = column(batch, "offset", origin, |array| {
        array.as_primitive_opt::<Int64Type>()
    })?;
    let mut logs: HashMap<(&str, &str, i32), LogPartition> = HashMap::new();
    Ok((0..batch.num_rows())
        .map(|row| {
            let key = (topic.value(row), incarnation.value(row), partition.value(row));
            let log = logs.entry(key).or_insert_with(|| {
                LogPartition::new(TopicIncarnation::new(key.0, key.1), PartitionId(key.2))
            });
            LetterPlace::new(log.clone(), offset.value(row))
        })
        .collect())
}

/// The columns of letters beside their places.
struct Rows<'a> {
    kafka_time: &'a arrow_array::TimestampMicrosecondArray,
    key: &'a arrow_array::BinaryArray,
    headers: &'a arrow_array::StringArray,
    reason: Texts<'a>,
    error: Texts<'a>,
    policy: Texts<'a>,
    payload: &'a arrow_array::BinaryArray,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch, origin: &Path) -> Result<Self> {
        Ok(Self {
            kafka_time: column(batch, "kafka_time", origin, |array| {
                array.as_primitive_opt::<TimestampMicrosecondType>()
            })?,
            key: column(batch, "key", origin, |array| array.as_binary_opt::<i32>())?,
            headers: column(batch, "headers", origin, |array| array.as_string_opt::<i32>())?,
            reason: Texts::of(batch, "reason", origin)?,
            error: Texts::of(batch, "error", origin)?,
            policy: Texts::of(batch, "policy", origin)?,
            payload: column(batch, "payload", origin, |array| array.as_binary_opt::<i32>())?,
        })
    }

    fn letter(&self, place: LetterPlace, row: usize) -> Letter {
        let bytes =
            |column: &arrow_array::BinaryArray| column.is_valid(row).then(|| column.value(row).to_vec());
        Letter {
            place,
            kafka_time_us: self.kafka_time.is_valid(row).then(|| self.kafka_time.value(row)),
            key: bytes(self.key),
            headers: self
                .headers
                .is_valid(row)
                .then(|| self.headers.value(row).to_owned()),
            reason: Reason::from_name(self.reason.value(row)),
            error: self.error.value(row).to_owned(),
            policy: self.policy.value(row).to_owned(),
            payload: bytes(self.payload),
        }
    }
}
