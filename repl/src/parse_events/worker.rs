//! From records to documents.

use std::convert::Infallible;

use quipu::ingest::kafka::batch::{BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt, WalkError};
use quipu::ingest::kafka::{Fetched, OffsetHole};
use quipu::ingest::raw::RawRecord;
use quipu::proto::frames::FramesReader;
use quipu::proto::json_form::JsonForm;
use quipu::proto::{Decoder, Header, Message};
use quipu::store::sequence::ThreadJudge;

use super::choice::Choice;
use super::cli::Args;
use super::job::Job;
use super::piece::{Number, Piece, Rejected};

/// Decodes the records of jobs.
#[derive(Debug)]
pub(super) struct Worker {
    walker: BatchWalker,
    reader: Reader,
}

/// Decodes one record after the other into a piece.
#[derive(Debug)]
struct Reader {
    decoder: Decoder,
    form: JsonForm,
    choice: Choice,
    wants_times: bool,
    name: Vec<u8>,
}

/// Where a record lies.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Frame {
        number: u64,
        partition: i32,
    },
    Offset {
        topic: &'a str,
        partition: i32,
        offset: i64,
    },
}

impl Place<'_> {
    fn partition(self) -> i32 {
        match self {
            Self::Frame { partition, .. } | Self::Offset { partition, .. } => partition,
        }
    }

    fn topic(&self) -> &str {
        match self {
            Self::Frame { .. } => "",
            Self::Offset { topic, .. } => topic,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Frame { number, partition } => format!("frame {number} (partition {partition})"),
            Self::Offset {
                topic,
                partition,
                offset,
            } => format!("{topic}/{partition}/{offset}"),
        }
    }
}

impl Worker {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            walker: BatchWalker::new(OnCorrupt::DeadLetter),
            reader: Reader {
                decoder: Decoder::new(args.policy()).for_display(),
                form: args.form(),
                choice: args.choice(),
                wants_times: args.last.is_some(),
                name: Vec::new(),
            },
        }
    }

    pub(super) fn work(&mut self, job: Job) -> Piece {
        match job {
            Job::Frames { bytes, first } => self.reader.frames(&bytes, first),
            Job::Fetched(fetched) => self.fetched(&fetched),
        }
    }

    fn fetched(&mut self, fetched: &Fetched) -> Piece {
        let mut piece = Piece::default();
        let mut visitor = Visitor {
            reader: &mut self.reader,
            piece: &mut piece,
            topic: &fetched.partition.log.log.topic,
            partition: fetched.partition.log.partition.0,
        };
        match fetched.walk(&mut self.walker, &mut visitor) {
            Ok(_) => {}
            Err(WalkError::Visitor(never)) => match never {},
            Err(WalkError::Batch(error)) => piece.failed = Some(fetched.batch_error(error).to_string()),
        }
        piece
    }
}

impl Reader {
    fn frames(&mut self, bytes: &[u8], first: u64) -> Piece {
        let mut piece = Piece {
            // Documents are about twice as long as what they are made of.
            documents: Vec::with_capacity(bytes.len() * 2),
            ..Piece::default()
        };
        for (number, frame) in (first..).zip(FramesReader::new(bytes)) {
            // The source cut the frames and has seen that they are whole.
            let Ok(frame) = frame else { break };
            let place = Place::Frame {
                number,
                partition: i32::try_from(frame.partition).unwrap_or(i32::MAX),
            };
            if self.choice.has_partition(place.partition()) {
                self.record(place, 0, Some(frame.payload), &mut piece);
            }
        }
        piece
    }

    fn record(&mut self, place: Place<'_>, time_ms: i64, value: Option<&[u8]>, piece: &mut Piece) {
        let decoded = match self.decoder.decode(value) {
            Ok(decoded) => decoded,
            Err(rejection) => {
                piece.rejected.push(Rejected {
                    after: piece.count,
                    text: format!("{}: {} ({})", place.text(), rejection.detail, rejection.reason),
                });
                return;
            }
        };
        let after = piece.count;
        let mut number = |header: Option<&Header<'_>>| {
            if let Some(header) = header
                && let Some(number) = numbered(&mut self.name, place, header, after)
            {
                piece.numbers.push(number);
            }
        };
        number(decoded.message.header());
        if let Message::EventBatch(batch) = &decoded.message {
            batch
                .events
                .iter()
                .for_each(|event| number(event.header.as_ref()));
        }
        if !self.choice.has_type(&decoded.message, self.form.expand_batches) {
            return;
        }
        let choice = &self.choice;
        let accept = |header: Option<&Header<'_>>| choice.has_header(header);
        let count = self.form.write_accepted(&decoded, accept, &mut piece.documents);
        piece.count += count as u64;
        if self.wants_times {
            piece.times.resize(piece.times.len() + count, time_ms);
        }
    }
}

/// The number of a message, if it has one: a message without a thread stands outside any numbering.
fn numbered(name: &mut Vec<u8>, place: Place<'_>, header: &Header<'_>, after: u64) -> Option<Number> {
    if header.sequence == 0 || header.thread_id.is_empty() {
        return None;
    }
    name.clear();
    name.extend_from_slice(&place.partition().to_le_bytes());
    for part in [place.topic(), header.tenant_id] {
        name.extend_from_slice(&(part.len() as u64).to_le_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    name.extend_from_slice(header.thread_id.as_bytes());
    Some(Number {
        after,
        thread: ThreadJudge::id_hash(name),
        sequence: header.sequence,
        id: ThreadJudge::id_hash(header.message_id),
        time_us: header.timestamp_us,
    })
}

/// Takes the records of a fetch.
struct Visitor<'v> {
    reader: &'v mut Reader,
    piece: &'v mut Piece,
    topic: &'v str,
    partition: i32,
}

impl Visitor<'_> {
    fn place(&self, offset: i64) -> Place<'_> {
        Place::Offset {
            topic: self.topic,
            partition: self.partition,
            offset,
        }
    }
}

impl BatchVisitor for Visitor<'_> {
    type Error = Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Infallible> {
        let place = Place::Offset {
            topic: self.topic,
            partition: self.partition,
            offset: record.offset,
        };
        self.reader
            .record(place, record.timestamp_ms, record.value, self.piece);
        Ok(())
    }

    fn hole(&mut self, _: OffsetHole) -> Result<(), Infallible> {
        // Control records, aborted transactions, compaction: no message was there for a reader.
        Ok(())
    }

    fn corrupt(&mut self, batch: CorruptBatch<'_>) -> Result<(), Infallible> {
        let text = format!(
            "{} to {}: the whole batch is damaged: {}",
            self.place(batch.first).text(),
            batch.last,
            batch.error
        );
        self.piece.rejected.push(Rejected {
            after: self.piece.count,
            text,
        });
        Ok(())
    }
}
