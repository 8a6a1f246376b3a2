//! One message's way from a source into the store: decode, number, append, and at the cut: press and commit.
//!
//! The pipeline is the one place that writes. It takes the records of each partition in the order of their offsets,
//! and keeps three things in step: the rows, the sequence book, and the next offset of every partition. They become
//! durable together, so that after a crash the same records come again and get the same rows.

mod append;
mod late;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use quipu_kafka::fingerprint::LastRecord;
use quipu_proto::{
    Decoder, LogIndex, LogPartition, Numbered, Offset, Place, Policy, Reason, Rejection, Table, TableBuilders,
};
use quipu_store::sequence::{BookClose, BookOptions, BookStart, PartitionKey, SequenceBook};
use quipu_store::{
    Commit, CommitReport, Head, PartitionState, RecordFingerprint, SegmentId, Snapshot, Writer, WriterOptions,
};

use crate::clock::Clock;
use crate::dead_letters::{self, ForwardOptions, Forwarder};
use crate::error::{IngestError, Result};
use crate::flush::FlushPolicy;
use crate::headers;
use crate::holes::OffsetHoles;
use crate::numbering::Numbering;
use crate::progress::{Arrivals, Progress};
use crate::raw::RawRecord;
use crate::rebuild::rebuild;
use crate::repeats::{self, Candidate, Coming};

use self::append::{Appended, append};
pub(crate) use self::late::LateRecord;

/// Settings of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct PipelineOptions {
    /// What is decoded and what becomes a dead letter.
    pub policy: Policy,
    /// When rows are committed.
    pub flush: FlushPolicy,
    /// The sequence book.
    pub book: BookOptions,
    /// The store's writer.
    pub writer: WriterOptions,
    /// Where dead letters are sent once they are committed. Default: nowhere.
    pub forward: Option<ForwardOptions>,
    /// The clock by which buffered rows grow old.
    pub clock: Clock,
}

/// A partition that the pipeline was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionSlot(usize);

/// Where a source begins to read a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionStart {
    /// First offset that the source will account for.
    pub start_offset: i64,
    /// First offset of the log.
    pub log_start: i64,
    /// Whether nothing lies before that offset, and nothing ever did.
    pub head: Head,
}

/// A partition as the pipeline sees it.
#[derive(Debug)]
struct Partition {
    key: PartitionKey,
    log: LogIndex,
    state: PartitionState,
    last_record: LastRecord,
    /// Whether `state` is ahead of the manifest.
    moved: bool,
}

/// Carries records into a store.
#[derive(Debug)]
pub struct Pipeline {
    // Before the writer, so that it ends before the writer does.
    forwarder: Option<Forwarder>,
    writer: Writer,
    book: SequenceBook,
    decoder: Decoder,
    tables: TableBuilders,
    partitions: Vec<Partition>,
    holes: OffsetHoles,
    candidates: Vec<Candidate>,
    events_numbered: Vec<Numbered>,
    flush: FlushPolicy,
    clock: Clock,
    /// What was pressed since the last commit.
    pressed: PressedAhead,
    /// When the oldest of the buffered rows arrived.
    buffered_since: Option<Instant>,
    /// Whether the book is ahead of the store by rows that are not in the making any more, or out of order.
    is_ahead: bool,
    /// When requests of other processes were looked for.
    attended: Option<Instant>,
    arrivals: Arrivals,
    progress: Arc<Progress>,
}

impl Pipeline {
    /// Opens a store for taking records in, and brings the sequence book up to its newest manifest.
    ///
    /// # Errors
    /// Those of [`Writer::open`], and a store whose rows cannot be read.
    pub fn open(path: impl AsRef<Path>, options: PipelineOptions, progress: Arc<Progress>) -> Result<Self> {
        let PipelineOptions {
            policy,
            flush,
            book,
            writer,
            forward,
            clock,
        } = options;
        let mut writer = Writer::open(path, writer)?;
        let manifest = Arc::clone(writer.manifest());
        let (mut book, start) =
            SequenceBook::open(&writer.book_path(), &manifest.store_id, manifest.id, book);
        if let BookStart::Rebuild { reason } = start {
            tracing::debug!(reason, "rebuilding the sequence book");
            rebuild(&mut book, &writer.snapshot())?;
        }
        let forwarder = match forward {
            Some(forward) => Some(Forwarder::start(forward, Arc::clone(&progress))?),
            None => None,
        };
        Ok(Self {
            forwarder,
            writer,
            book,
            decoder: Decoder::new(policy),
            tables: TableBuilders::new(),
            partitions: Vec::new(),
            holes: OffsetHoles::default(),
            candidates: Vec::new(),
            events_numbered: Vec::new(),
            flush,
            clock,
            pressed: PressedAhead::default(),
            buffered_since: None,
            is_ahead: false,
            attended: None,
            arrivals: Arrivals::default(),
            progress,
        })
    }

    /// How far each partition of the store has been read.
    #[must_use]
    pub fn stored(&self) -> &[PartitionState] {
        &self.writer.manifest().partitions
    }

    /// Makes a partition known. Records that the store has already are left out from then on; offsets that the source
    /// leaves out become a hole with cause `skipped`.
    pub fn open_partition(&mut self, log: &LogPartition, start: PartitionStart) -> PartitionSlot {
        self.progress.set_ready();
        let known = self.partitions.iter().position(|known| known.state.log == *log);
        let slot = known.unwrap_or_else(|| {
            let stored = self.writer.partition(log).cloned();
            let moved = stored.is_none();
            let state = stored.unwrap_or_else(|| PartitionState {
                log: log.clone(),
                next_offset: Offset(start.start_offset),
                head: start.head,
                first_offset: Offset(start.start_offset),
                log_start_at_open: Offset(start.log_start),
                leader_epoch: None,
                last_record: None,
                high_watermark: None,
            });
            self.partitions.push(Partition {
                key: self.book.open_partition(log, state.head),
                log: self.tables.log_index(&log.log),
                moved,
                last_record: LastRecord::default(),
                state,
            });
            self.partitions.len() - 1
        });
        // One that was opened before may have rows that are not committed yet: it goes on where it is.
        let partition = &mut self.partitions[slot];
        let next = partition.state.next_offset.0;
        if next < start.start_offset {
            self.holes.add(log, next, start.start_offset - 1, "skipped");
            partition.state.next_offset = Offset(start.start_offset);
            // It is that of another place.
            partition.state.leader_epoch = None;
            partition.moved = true;
        }
        PartitionSlot(slot)
    }

    /// Next offset that a partition needs.
    #[must_use]
    pub fn next_offset(&self, slot: PartitionSlot) -> i64 {
        self.partitions[slot.0].state.next_offset.0
    }

    /// The record of a partition that was taken in last, in this run or as the store knows.
    #[must_use]
    pub fn last_record(&self, slot: PartitionSlot) -> Option<RecordFingerprint> {
        let partition = &self.partitions[slot.0];
        partition
            .last_record
            .fingerprint()
            .or(partition.state.last_record)
    }

    /// How many records ahead it is worth to [`Self::announce`] them; 0 while the store has few threads.
    #[inline]
    #[must_use]
    pub fn lookahead(&self) -> usize {
        self.book.lookahead()
    }

    /// Tells the key of a record that will be [`pushed`](Self::push) some records later. A hint, which saves waiting for
    /// memory and changes nothing of what becomes of the record.
    #[inline]
    pub fn announce(&mut self, slot: PartitionSlot, key: &[u8]) {
        self.book.announce(self.partitions[slot.0].key, key);
    }

    /// Takes one record in. One that the store has already changes nothing.
    ///
    /// # Errors
    /// An offset beyond the next one: the source left something out. Rows that cannot be encoded ahead of their commit:
    /// as after [`Self::flush`], the pipeline is of no more use then.
    #[inline]
    pub fn push(&mut self, slot: PartitionSlot, record: &RawRecord<'_>) -> Result<()> {
        let partition = &mut self.partitions[slot.0];
        if !partition.advance(record.offset, record.offset)? {
            return Ok(());
        }
        partition.last_record.remember(record);
        let headers = headers::to_json(&record.headers);
        let place = Place {
            log: partition.log,
            partition: partition.state.log.partition.0,
            offset: record.offset,
            kafka_time_us: kafka_time_us(record),
            key: record.key,
            headers: headers.as_deref(),
        };
        self.arrivals.records += 1;
        let numbering = Numbering {
            book: &mut self.book,
            partition: partition.key,
            log: &partition.state.log,
            offset: record.offset,
            coming: Coming::InOrder,
            arrivals: &mut self.arrivals,
            candidates: &mut self.candidates,
        };
        let appended = append(
            &mut self.decoder,
            numbering,
            &mut self.tables,
            &mut self.events_numbered,
            &place,
            record.value,
        );
        match appended {
            Ok(Appended { grown, .. }) => {
                if self
                    .flush
                    .is_press_due(self.tables.rows_of(grown), self.tables.bytes_of(grown))
                {
                    self.press(grown)?;
                }
            }
            Err(rejection) => {
                self.tables
                    .append_dead_letter(&place, record.value, &rejection, self.decoder.policy());
                self.arrivals.dead_letter(rejection.reason);
            }
        }
        self.buffered_since.get_or_insert_with(|| self.clock.now());
        Ok(())
    }

    /// Takes a record in that is a letter of another program: it becomes a dead letter with that payload and rejection.
    pub(crate) fn push_letter(
        &mut self,
        slot: PartitionSlot,
        record: &RawRecord<'_>,
        payload: Option<&[u8]>,
        rejection: &Rejection,
    ) -> Result<()> {
        let partition = &mut self.partitions[slot.0];
        if !partition.advance(record.offset, record.offset)? {
            return Ok(());
        }
        partition.last_record.remember(record);
        let headers = headers::to_json(&record.headers);
        let place = Place {
            log: partition.log,
            partition: partition.state.log.partition.0,
            offset: record.offset,
            kafka_time_us: kafka_time_us(record),
            key: record.key,
            headers: headers.as_deref(),
        };
        self.tables
            .append_dead_letter(&place, payload, rejection, Policy::Strict);
        self.arrivals.records += 1;
        self.arrivals.dead_letter(rejection.reason);
        self.buffered_since.get_or_insert_with(|| self.clock.now());
        Ok(())
    }

    /// Encodes the rows of a table ahead of their commit.
    fn press(&mut self, table: Table) -> Result<()> {
        // What is pressed cannot be changed, and whether these are copies is known at the commit only.
        if !self.candidates.is_empty() {
            return self.flush().map(|_| ());
        }
        let (rows, bytes) = (self.tables.rows_of(table), self.tables.bytes_of(table));
        // Rows that are lost here must not be followed by a commit.
        let was_ahead = std::mem::replace(&mut self.is_ahead, true);
        let batch = self.tables.finish_one(table)?;
        self.writer.press(table, &batch)?;
        self.is_ahead = was_ahead;
        self.pressed.rows += rows;
        self.pressed.bytes += bytes;
        Ok(())
    }

    /// Takes a range of offsets without a record in.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_hole(
        &mut self,
        slot: PartitionSlot,
        first: i64,
        last: i64,
        cause: &'static str,
    ) -> Result<()> {
        let partition = &mut self.partitions[slot.0];
        let first = first.max(partition.state.next_offset.0.min(last.saturating_add(1)));
        if partition.advance(first, last)? {
            self.holes.add(&partition.state.log, first, last, cause);
            self.buffered_since.get_or_insert_with(|| self.clock.now());
        }
        Ok(())
    }

    /// Takes a damaged batch of the log in: one dead letter at its first offset holds it whole, and the other offsets
    /// become a hole with cause `corrupt`.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_corrupt(
        &mut self,
        slot: PartitionSlot,
        (first, last): (i64, i64),
        batch: &[u8],
        error: &dyn std::error::Error,
    ) -> Result<()> {
        let partition = &mut self.partitions[slot.0];
        if !partition.advance(first, first)? {
            return Ok(());
        }
        let place = Place {
            log: partition.log,
            partition: partition.state.log.partition.0,
            offset: first,
            kafka_time_us: None,
            key: None,
            headers: None,
        };
        let detail = format!("offsets {first} to {last}: {error}");
        let rejection = Rejection::new(Reason::CorruptBatch, detail);
        self.tables
            .append_dead_letter(&place, Some(batch), &rejection, self.decoder.policy());
        self.arrivals.records += 1;
        self.arrivals.dead_letter(rejection.reason);
        self.buffered_since.get_or_insert_with(|| self.clock.now());
        if last > first {
            self.push_hole(slot, first + 1, last, "corrupt")
        } else {
            Ok(())
        }
    }

    /// Notes what a source knows of a partition beside its records.
    pub fn note(&mut self, slot: PartitionSlot, high_watermark: Option<i64>, leader_epoch: Option<i32>) {
        let state = &mut self.partitions[slot.0].state;
        state.high_watermark = high_watermark.map(Offset).or(state.high_watermark);
        state.leader_epoch = leader_epoch.or(state.leader_epoch);
    }

    /// Forgets the leader epoch of the batch read last: what lies between it and the position was never read.
    pub fn forget_leader_epoch(&mut self, slot: PartitionSlot) {
        self.partitions[slot.0].state.leader_epoch = None;
    }

    /// Tells the counters what has arrived. Call it now and then.
    pub fn tell(&mut self) {
        self.progress.arrived(&std::mem::take(&mut self.arrivals));
    }

    /// Whether rows should be committed now.
    #[must_use]
    pub fn flush_due(&self) -> bool {
        self.flush.is_due(
            self.pressed.rows + self.tables.rows() + self.holes.len(),
            self.pressed.bytes + self.tables.bytes(),
            self.buffered_age(),
        )
    }

    /// Whether rows should be committed now whatever their age. Cheap enough to ask after each record.
    #[inline]
    #[must_use]
    pub fn flush_due_by_size(&self) -> bool {
        self.flush.is_due(
            self.pressed.rows + self.tables.rows(),
            self.pressed.bytes + self.tables.bytes(),
            None,
        )
    }

    /// How long until rows are due by age; `None` while nothing is buffered.
    #[must_use]
    pub fn flush_wait(&self) -> Option<Duration> {
        self.flush.wait(self.buffered_age())
    }

    /// Age of the oldest of the buffered rows.
    fn buffered_age(&self) -> Option<Duration> {
        let since = self.buffered_since?;
        Some(self.clock.now().saturating_duration_since(since))
    }

    /// Commits what has arrived since the last commit. `None` when nothing has.
    ///
    /// # Errors
    /// Nothing of this commit is visible then, or all of it: open the store again to see. The pipeline is of no more
    /// use.
    pub fn flush(&mut self) -> Result<Option<CommitReport>> {
        if self.is_ahead {
            return Err(IngestError::Broken);
        }
        self.tell();
        self.buffered_since = None;
        let partitions: Vec<PartitionState> = self
            .partitions
            .iter_mut()
            .filter(|partition| partition.moved)
            .map(|partition| {
                let state = &mut partition.state;
                state.last_record = partition.last_record.fingerprint().or(state.last_record);
                state.clone()
            })
            .collect();
        if partitions.is_empty() {
            return Ok(None);
        }
        self.commit(partitions, Vec::new(), BookSnapshot::WhenDue)
            .map(Some)
    }

    fn commit(
        &mut self,
        partitions: Vec<PartitionState>,
        beside: Vec<(Table, Vec<RecordBatch>)>,
        snapshot: BookSnapshot,
    ) -> Result<CommitReport> {
        self.is_ahead = true;
        self.pressed = PressedAhead::default();
        let mut rows = self.tables.finish()?;
        if !self.candidates.is_empty() {
            let committed = self.writer.snapshot();
            repeats::settle(
                &self.candidates,
                &mut rows,
                self.writer.end_pressed()?,
                &committed,
            )?;
            self.candidates.clear();
        }
        let mut batches: Vec<_> = rows
            .into_iter()
            .map(|(table, batch)| (table, vec![batch]))
            .collect();
        batches.push((
            Table::SequenceRuns,
            self.book.seal(self.writer.manifest().id.next())?,
        ));
        batches.extend(beside);
        if !self.holes.is_empty() {
            batches.push((Table::OffsetHoles, vec![self.holes.take()?]));
        }
        let remove_segments = if snapshot == BookSnapshot::Always || self.book.snapshot_due() {
            self.snapshot_book(&mut batches)?
        } else {
            Vec::new()
        };
        let report = self.writer.commit(Commit {
            batches,
            partitions,
            remove_segments,
        })?;
        for partition in &mut self.partitions {
            partition.moved = false;
        }
        self.is_ahead = false;
        self.progress.committed(report.rows, report.bytes);
        if let Some(forwarder) = &self.forwarder {
            forwarder.offer(|| self.writer.snapshot(), &report.segments);
        }
        // The commit stands, whatever becomes of this. If the writer has to end, the next commit says so.
        if let Err(error) = self.writer.merge_tail() {
            tracing::warn!(%error, "small segments could not be merged; they stay as they are");
        }
        Ok(report)
    }

    /// Carries out what other processes have asked of this writer, if it is time to look. Call it now and then.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub fn attend(&mut self) -> Result<()> {
        if self
            .attended
            .is_some_and(|attended| attended.elapsed() < ATTEND_EVERY)
        {
            return Ok(());
        }
        self.attended = Some(Instant::now());
        dead_letters::attend(self)
    }

    /// Root folder of the store.
    pub(crate) fn root(&self) -> &Path {
        self.writer.root()
    }

    /// What the store holds.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.writer.snapshot()
    }

    /// Adds a snapshot of the book to a commit, and gives the segments that it replaces.
    fn snapshot_book(&mut self, batches: &mut Vec<(Table, Vec<RecordBatch>)>) -> Result<Vec<SegmentId>> {
        let snapshot = self
            .book
            .snapshot_batches()
            .collect::<std::result::Result<Vec<_>, _>>()?;
        batches.push((Table::SequenceBook, snapshot));
        Ok(self
            .writer
            .manifest()
            .segments_of(Table::SequenceBook)
            .map(|segment| segment.id)
            .collect())
    }

    /// Ends after an error of a source. What stands before it is whole and is committed, unless the pipeline itself has
    /// failed. Gives the error to tell.
    pub(crate) fn close_after(self, error: IngestError) -> IngestError {
        if self.is_whole() && !matches!(error, IngestError::Store(_) | IngestError::Book(_)) {
            return self.close().err().unwrap_or(error);
        }
        error
    }

    /// Commits what is left and lets go of the store.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub fn close(mut self) -> Result<()> {
        self.flush()?;
        // Before the book is closed: it is good for exactly the newest manifest.
        self.writer.finish_merge();
        if self.book.hot_threads() as u64 == self.book.threads() {
            // All threads fit into memory: the next start reads them from a snapshot sooner than from an index, which
            // would take more room besides.
            if self.book.messages_since_snapshot() > REPLAYED_MESSAGES_MAX {
                let mut batches = Vec::new();
                let remove_segments = self.snapshot_book(&mut batches)?;
                self.writer.commit(Commit {
                    batches,
                    partitions: Vec::new(),
                    remove_segments,
                })?;
            }
        } else if let BookClose::Rebuild { reason } = self.book.close(self.writer.manifest().id) {
            tracing::debug!(reason, "the sequence book will be rebuilt at the next start");
        }
        // First, as what it reads is kept for it by the writer alone.
        if let Some(forwarder) = self.forwarder.take() {
            forwarder.close();
        }
        self.writer.close();
        Ok(())
    }
}

/// Kafka's time of a record, microseconds since the Unix epoch.
fn kafka_time_us(record: &RawRecord<'_>) -> Option<i64> {
    (record.timestamp_ms >= 0).then(|| record.timestamp_ms.saturating_mul(1_000))
}

/// When a commit holds a snapshot of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BookSnapshot {
    WhenDue,
    Always,
}

/// Rows that were encoded ahead of the next commit.
#[derive(Clone, Copy, Debug, Default)]
struct PressedAhead {
    rows: usize,
    bytes: usize,
}

/// How often requests of other processes are looked for.
const ATTEND_EVERY: Duration = Duration::from_secs(2);

/// Messages that the next start may have to replay after a clean end: a few hundredths of a second.
const REPLAYED_MESSAGES_MAX: u64 = 50_000;

impl Partition {
    /// Moves the next offset behind `last`. False when the store has these offsets already.
    fn advance(&mut self, first: i64, last: i64) -> Result<bool> {
        let next = self.state.next_offset.0;
        if last < next {
            return Ok(false);
        }
        if first != next {
            return Err(IngestError::OutOfOrder {
                log: self.state.log.clone(),
                expected: next,
                got: first,
            });
        }
        self.state.next_offset = Offset(last).next();
        self.moved = true;
        Ok(true)
    }
}
