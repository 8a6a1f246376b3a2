//! A source: hands the log to a pipeline as Kafka does, from the position that the store has, and a little before it.

use quipu_disk::Dice;
use quipu_ingest::raw::{RawHeaders, RawRecord};
use quipu_ingest::{IngestError, PartitionSlot, PartitionStart, Pipeline};

use crate::account::Positions;
use crate::log::{Entry, Partition};

/// The error of a damaged batch.
#[derive(Debug)]
struct Damaged;

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("its checksum does not match")
    }
}

impl std::error::Error for Damaged {}

/// One partition being read.
struct Reading<'l> {
    partition: &'l Partition,
    slot: PartitionSlot,
    /// Entry to hand over next.
    next: usize,
}

/// All partitions of a log being read.
pub(crate) struct Source<'l>(Vec<Reading<'l>>);

impl<'l> Source<'l> {
    /// Begins where the store is. As Kafka gives whole batches, some entries before that come again.
    pub(crate) fn open(log: &'l [Partition], pipeline: &mut Pipeline, dice: &mut Dice) -> Self {
        let open = |partition: &'l Partition| {
            let start = PartitionStart {
                start_offset: partition.start,
                log_start: partition.start,
                head: partition.head,
            };
            let slot = pipeline.open_partition(&partition.name, start);
            let stored = pipeline.next_offset(slot);
            let read = partition.entries.iter();
            let read = read.take_while(|entry| entry.last() < stored).count();
            Reading {
                partition,
                slot,
                next: read.saturating_sub(dice.below(8)),
            }
        };
        Self(log.iter().map(open).collect())
    }

    /// Partitions that are not read to their end.
    pub(crate) fn unread(&self) -> Vec<usize> {
        let left = |reading: &Reading<'_>| reading.next < reading.partition.entries.len();
        (0..self.0.len()).filter(|index| left(&self.0[*index])).collect()
    }

    /// Hands over the next entry of a partition, and commits if enough has come together.
    pub(crate) fn hand(&mut self, index: usize, pipeline: &mut Pipeline) -> Result<(), IngestError> {
        let Reading {
            partition,
            slot,
            next,
        } = &mut self.0[index];
        let entry = &partition.entries[*next];
        *next += 1;
        match entry {
            Entry::Record { offset, value, .. } => {
                let record = RawRecord {
                    offset: *offset,
                    timestamp_ms: *offset,
                    key: Some(b"key"),
                    value: value.as_deref(),
                    headers: RawHeaders::NONE,
                };
                pipeline.push(*slot, &record)?;
            }
            Entry::Hole { first, last, cause } => pipeline.push_hole(*slot, *first, *last, cause)?,
            Entry::Corrupt { first, last, batch } => {
                pipeline.push_corrupt(*slot, (*first, *last), batch, &Damaged)?;
            }
        }
        if pipeline.flush_due_by_size() {
            pipeline.flush()?;
        }
        Ok(())
    }

    /// How far the pipeline has read, whether committed or not.
    pub(crate) fn taken(&self, pipeline: &Pipeline) -> Positions {
        let taken = self.0.iter().map(|reading| {
            let next = pipeline.next_offset(reading.slot);
            (reading.partition, next)
        });
        taken
            .filter(|(partition, next)| *next > partition.start)
            .map(|(partition, next)| (partition.number(), next))
            .collect()
    }
}

/// How far the store of a pipeline has read.
pub(crate) fn stored(pipeline: &Pipeline) -> Positions {
    let states = pipeline.stored().iter();
    states
        .filter(|state| state.next_offset > state.first_offset)
        .map(|state| (state.log.partition.0, state.next_offset.0))
        .collect()
}
