//! Asking the sequence book about the messages of one record.

use quipu_proto::{
    Decoded, Emitter, Header, LogPartition, Message, Numbered, SequenceVerdict, Table, TableBuilders,
};
use quipu_store::sequence::{Arrival, PartitionKey, Repeated, SequenceBook};

use crate::progress::Arrivals;
use crate::repeats::{Candidate, Coming, Position};

/// What is needed to number the messages of one record.
pub(crate) struct Numbering<'a> {
    pub(crate) book: &'a mut SequenceBook,
    pub(crate) partition: PartitionKey,
    pub(crate) log: &'a LogPartition,
    pub(crate) offset: i64,
    pub(crate) coming: Coming,
    pub(crate) arrivals: &'a mut Arrivals,
    pub(crate) candidates: &'a mut Vec<Candidate>,
}

impl Numbering<'_> {
    /// Numbers the message and, after it, each event of a batch. `tables` are those that its rows will be appended to.
    #[inline]
    pub(crate) fn number(
        &mut self,
        decoded: &Decoded<'_>,
        tables: &TableBuilders,
        events_numbered: &mut Vec<Numbered>,
    ) -> Numbered {
        let message = &decoded.message;
        events_numbered.clear();
        let table = message.table();
        let rows = tables.rows_of(table);
        let rows = rows..rows + message.row_count();
        let numbered = self.observe(message.header(), message.emitter(), table, 0, rows);
        if let Message::EventBatch(batch) = message {
            let first_row = tables.rows_of(Table::Events);
            for (index, event) in batch.events.iter().enumerate() {
                let row = first_row + index;
                let item = i32::try_from(index).unwrap_or(i32::MAX);
                let observed = self.observe(
                    event.header.as_ref(),
                    event.emitter(),
                    Table::Events,
                    item,
                    row..row + 1,
                );
                events_numbered.push(observed);
            }
        }
        numbered
    }

    #[inline]
    fn observe(
        &mut self,
        header: Option<&Header<'_>>,
        emitter: Emitter,
        table: Table,
        item: i32,
        rows: std::ops::Range<usize>,
    ) -> Numbered {
        self.arrivals.messages += 1;
        let time_us = header.map(|header| header.timestamp_us);
        let header = header.copied().unwrap_or_default();
        let observation = self.book.observe(
            self.partition,
            &Arrival {
                tenant_id: header.tenant_id,
                thread_id: header.thread_id,
                emitter,
                sequence: header.sequence,
                message_id: header.message_id,
                time_us,
                offset: self.offset,
            },
        );
        match observation.verdict {
            SequenceVerdict::Gap => self.arrivals.gap(observation.missing),
            SequenceVerdict::Duplicate => self.arrivals.duplicates += 1,
            SequenceVerdict::Reordered => self.arrivals.reorders += 1,
            SequenceVerdict::First | SequenceVerdict::InOrder | SequenceVerdict::Unsequenced => {}
        }
        if observation.repeated == Repeated::LookUp {
            self.candidates.push(Candidate {
                log: self.log.clone(),
                tenant_id: header.tenant_id.into(),
                thread_id: header.thread_id.into(),
                message_id: header.message_id.into(),
                position: Position::of(table, self.offset, item),
                table,
                coming: self.coming,
                rows,
            });
        }
        Numbered {
            verdict: observation.verdict,
            repeated: observation.repeated == Repeated::Yes,
        }
    }
}
