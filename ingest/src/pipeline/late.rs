//! Dead letters as late arrivals: rows at offsets that the position has left behind.

use arrow_array::RecordBatch;
use quipu_proto::{Decoder, LogPartition, Place, Rejection, Table};
use quipu_store::{CommitReport, Head};

use super::append::{Appended, append};
use super::{BookSnapshot, Pipeline};
use crate::error::Result;
use crate::numbering::Numbering;
use crate::repeats::Coming;

/// A record that the store has as a dead letter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LateRecord<'a> {
    pub(crate) log: &'a LogPartition,
    pub(crate) offset: i64,
    pub(crate) kafka_time_us: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) headers: Option<&'a str>,
    pub(crate) value: &'a [u8],
}

impl Pipeline {
    /// Takes the message of a dead letter in, if `decoder` can read it: it gets the rows that it would have had at its
    /// offset, and a number as a late arrival. No position moves. What was pushed before is to be flushed first.
    #[cold]
    pub(crate) fn append_late(
        &mut self,
        decoder: &mut Decoder,
        late: &LateRecord<'_>,
    ) -> std::result::Result<Appended, Rejection> {
        let head = self
            .writer
            .partition(late.log)
            .map_or_else(Head::default, |state| state.head);
        let place = Place {
            log: self.tables.log_index(&late.log.log),
            partition: late.log.partition.0,
            offset: late.offset,
            kafka_time_us: late.kafka_time_us,
            key: late.key,
            headers: late.headers,
        };
        let numbering = Numbering {
            partition: self.book.open_partition(late.log, head),
            book: &mut self.book,
            log: late.log,
            offset: late.offset,
            coming: Coming::Late,
            arrivals: &mut self.arrivals,
            candidates: &mut self.candidates,
        };
        let appended = append(
            decoder,
            numbering,
            &mut self.tables,
            &mut self.events_numbered,
            &place,
            Some(late.value),
        );
        self.is_ahead |= appended.is_ok();
        appended
    }

    /// Commits late arrivals together with the rows of another table, and with a snapshot of the book: they were counted
    /// out of the order of their offsets, so that no rebuild may replay across them.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub(crate) fn commit_late(&mut self, beside: (Table, RecordBatch)) -> Result<CommitReport> {
        self.tell();
        self.commit(Vec::new(), vec![(beside.0, vec![beside.1])], BookSnapshot::Always)
    }

    /// Whether the pipeline can go on after an error of a retry: nothing was counted that is not committed.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_ahead
    }
}
