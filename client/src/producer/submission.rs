//! The way of one message that was taken: numbered in the order of its thread, encoded, and put to its partition.

use std::cell::Cell;
use std::sync::{Arc, MutexGuard, PoisonError};

use prost::Message as _;
use quipu_kafka::produce::{ProduceClient, ProduceRecord, PutError};
use quipu_proto::framing::{self, Compression, MARKER_PLAIN, Size};
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Header};
use tokio::sync::watch;

use crate::numbering::{LastSequence, ThreadNumbers, Threads};

use super::counts::add;
use super::error::SendError;
use super::fallback::{Cause, FallbackQueue, Letter};
use super::header::{filled_header_mut, header_of};
use super::options::ProducerOptions;
use super::outstanding::Outstanding;
use super::ticket::{Accounts, Name, Ticket};
use super::trace::TraceHeaders;

/// Bytes that a record has beside its value and key, at most, without trace headers; and the number that a header gets.
const RECORD_OVERHEAD_BYTES: usize = 160;

/// A message that was taken: filled in, admitted, with room.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) message: DashStreamMessage,
    pub(super) trace: TraceHeaders,
    pub(super) ticket: Ticket,
}

type SharedThread = Arc<std::sync::Mutex<ThreadNumbers<Taken>>>;

/// What all messages of a producer pass through.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) options: ProducerOptions,
    pub(super) accounts: Arc<Accounts>,
    pub(super) client: ProduceClient<Ticket>,
    pub(super) fallback: FallbackQueue,
    pub(super) threads: Threads<Taken>,
    /// The questions for first numbers that are open.
    pub(super) asks: Outstanding,
    /// True once nobody waits for answers to them any more: the producer is about to end.
    pub(super) asks_are_over: watch::Sender<bool>,
    /// Whom to ask for the first number of a thread, and for how long; `None` = nobody.
    pub(super) start: Option<Start>,
    pub(super) runtime: tokio::runtime::Handle,
}

/// Whom to ask for first numbers.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) source: Arc<dyn LastSequence>,
    pub(super) time: std::time::Duration,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// What a message has to do next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// It can be sent.
    Go,
    /// Others of its thread wait, and it behind them.
    Wait,
    /// It waits, as the first, and the number of its thread has to be asked for.
    Ask,
}

/// Bytes for which a message asks for room, before it is encoded.
pub(super) fn room_bytes(message: &DashStreamMessage) -> usize {
    let key = header_of(message).map_or(0, |header| header.thread_id.len());
    let numbers = match &message.message {
        Some(Message::EventBatch(batch)) => 16 * batch.events.len(),
        _ => 0,
    };
    message.encoded_len() + key + numbers + RECORD_OVERHEAD_BYTES
}

impl Line {
    /// Sends a message behind those of its thread. Where its thread has to be asked for first, it waits there.
    ///
    /// # Errors
    /// It is too large, or the producer is closed. The fallback gets one that is too large.
    pub(super) fn submit(self: &Arc<Self>, taken: Taken) -> Result<(), SendError> {
        self.submit_as(taken, None)
    }

    /// As [`Line::submit`]; `turn` is the thread whose waiting messages are being sent, of which this is one.
    fn submit_as(self: &Arc<Self>, mut taken: Taken, turn: Option<&SharedThread>) -> Result<(), SendError> {
        if matches!(taken.message.message, Some(Message::EventBatch(_))) {
            return self.submit_batch(taken, turn);
        }
        let Some(header) = filled_header_mut(&mut taken.message) else {
            return Err(SendError::NoThread);
        };
        let thread = self.threads.thread(&header.tenant_id, &header.thread_id);
        // Held until the record is in its place, so that the order of numbers is that of the partition.
        let mut held = lock(&thread);
        let is_its_turn = turn.is_some_and(|turn| Arc::ptr_eq(turn, &thread));
        match self.step(&mut held, header.sequence > 0, is_its_turn) {
            Step::Go => {
                held.number(&mut header.sequence);
                let put = self.put(taken);
                drop(held);
                return put.map_err(|refused| self.refuse(*refused));
            }
            Step::Wait => held.wait(taken),
            Step::Ask => {
                let name = ThreadName::of(header, false);
                held.wait(taken);
                drop(held);
                self.begin_to_ask(name, &thread);
            }
        }
        Ok(())
    }

    /// A batch takes numbers of all the threads of its events.
    fn submit_batch(
        self: &Arc<Self>,
        mut taken: Taken,
        turn: Option<&SharedThread>,
    ) -> Result<(), SendError> {
        let threads = self.threads_of(&taken.message);
        let mut held: Vec<MutexGuard<'_, ThreadNumbers<Taken>>> = Vec::with_capacity(threads.len());
        for (_, thread) in &threads {
            // In the order of their names, so that two batches cannot wait for each other.
            held.push(lock(thread));
        }
        for (index, (name, thread)) in threads.iter().enumerate() {
            let is_its_turn = turn.is_some_and(|turn| Arc::ptr_eq(turn, thread));
            match self.step(&mut held[index], name.has_number, is_its_turn) {
                Step::Go => {}
                Step::Wait => {
                    held[index].wait(taken);
                    return Ok(());
                }
                Step::Ask => {
                    held[index].wait(taken);
                    drop(held);
                    self.begin_to_ask(name.clone(), thread);
                    return Ok(());
                }
            }
        }
        if let Some(Message::EventBatch(batch)) = &mut taken.message.message {
            for header in batch.events.iter_mut().filter_map(|event| event.header.as_mut()) {
                let found = threads.iter().position(|(name, _)| name.is_of(header));
                if let Some(index) = found {
                    held[index].number(&mut header.sequence);
                }
            }
        }
        let put = self.put(taken);
        drop(held);
        put.map_err(|refused| self.refuse(*refused))
    }

    /// What a message of this thread has to do next.
    fn step(&self, thread: &mut ThreadNumbers<Taken>, has_number: bool, is_its_turn: bool) -> Step {
        if thread.is_settling() && !is_its_turn {
            return Step::Wait;
        }
        if thread.is_known() || has_number {
            return Step::Go;
        }
        if self.start.is_some() {
            thread.settle();
            return Step::Ask;
        }
        add(&self.accounts.counters.strands_opened, 1);
        thread.begin_at(1);
        Step::Go
    }

    /// Not to be called with a thread held: where the runtime has ended, the question ends here.
    fn begin_to_ask(self: &Arc<Self>, name: ThreadName, thread: &SharedThread) {
        if let Some(start) = self.start.clone() {
            let question = Question {
                open: self.asks.enter(),
                line: Arc::clone(self),
                thread: Arc::clone(thread),
            };
            self.runtime.spawn(question.ask(start, name));
        }
    }

    /// The threads that a batch takes numbers of, and the one that its record is of, in the order of their names.
    fn threads_of(&self, message: &DashStreamMessage) -> Vec<(ThreadName, SharedThread)> {
        let mut names = Vec::with_capacity(1);
        let mut note = |name: ThreadName| match names.iter_mut().find(|known| name.is_same(known)) {
            Some(known) => known.has_number &= name.has_number,
            None => names.push(name),
        };
        if let Some(header) = header_of(message) {
            // A batch has no number of its own, and so needs none: its thread is held for its place in the partition.
            note(ThreadName::of(header, true));
        }
        if let Some(Message::EventBatch(batch)) = &message.message {
            for header in batch.events.iter().filter_map(|event| event.header.as_ref()) {
                note(ThreadName::of(header, header.sequence > 0));
            }
        }
        names.sort_unstable_by(|a, b| (&a.tenant, &a.thread).cmp(&(&b.tenant, &b.thread)));
        names
            .into_iter()
            .map(|name| {
                let thread = self.threads.thread(&name.tenant, &name.thread);
                (name, thread)
            })
            .collect()
    }

    /// Leaves out the numbers that a message would have got that was not taken.
    pub(super) fn skip_number(&self, message: &DashStreamMessage) {
        let skip = |header: &Header| {
            if header.sequence == 0 {
                let thread = self.threads.thread(&header.tenant_id, &header.thread_id);
                let mut thread = lock(&thread);
                if self.start.is_none() && !thread.is_known() {
                    add(&self.accounts.counters.strands_opened, 1);
                    thread.begin_at(1);
                }
                thread.skip();
            }
        };
        match &message.message {
            Some(Message::EventBatch(batch)) => batch
                .events
                .iter()
                .filter_map(|event| event.header.as_ref())
                .for_each(skip),
            _ => header_of(message).into_iter().for_each(skip),
        }
    }

    /// Encodes a message that has its number, and puts it behind the others of its partition.
    fn put(&self, taken: Taken) -> Result<(), Box<Refused>> {
        let Taken {
            message,
            trace,
            mut ticket,
        } = taken;
        let header = header_of(&message);
        if self.accounts.on_report.is_some()
            && let Some(header) = header
        {
            ticket.name = Some(Box::new(Name {
                message_id: header.message_id.clone(),
                tenant: header.tenant_id.clone(),
                thread: header.thread_id.clone(),
                sequence: header.sequence,
            }));
        }
        let (value, size) = self.encode(&message);
        let fits = super::size::check(size, self.options.readers);
        let (headers, count) = trace.headers();
        let key = header.map_or(&[][..], |header| header.thread_id.as_bytes());
        let record = ProduceRecord {
            key: Some(key),
            value: Some(&value.bytes),
            headers: &headers[..count],
            timestamp_ms: super::header::now_us() / 1_000,
        };
        ticket.shrink(record.batch_bytes());
        let refused = |error: SendError, ticket: Ticket| {
            Err(Box::new(Refused {
                letter: Letter::new(None, key, &value.bytes, error.to_string().into()),
                ticket,
                error,
            }))
        };
        if let Err(error) = fits {
            return refused(error, ticket);
        }
        match self.client.put(&record, ticket) {
            Ok(()) => Ok(()),
            Err((PutError::TooLarge { bytes, limit }, ticket)) => {
                let error = SendError::TooLargeForTopic {
                    record: bytes,
                    protobuf: size.expanded_bytes,
                    limit,
                };
                refused(error, ticket)
            }
            Err((_, ticket)) => refused(SendError::Closed, ticket),
        }
    }

    /// Hands a message that cannot be sent to the fallback: nothing that was taken is dropped without a try to keep it.
    /// No thread may be held, as the application hears of it here and may send the next message.
    fn refuse(&self, refused: Refused) -> SendError {
        let Refused {
            error,
            letter,
            ticket,
        } = refused;
        add(&self.accounts.counters.messages_refused, 1);
        self.fallback.take(letter, ticket, Cause::Refused(error.clone()));
        error
    }

    /// The one place where messages are encoded.
    fn encode(&self, message: &DashStreamMessage) -> (Value, Size) {
        let mut value = Value::empty();
        let compression = self.options.compression;
        let size = framing::encode_into(message, compression, &mut value.bytes);
        let is_refused = |size| super::size::check(size, self.options.readers).is_err();
        if !is_refused(size) || value.bytes.first() == Some(&MARKER_PLAIN) {
            return (value, size);
        }
        // The notes of compression are two bytes a header, which may be the ones too many.
        let mut plain = Value::empty();
        let plain_size = framing::encode_into(message, Compression::None, &mut plain.bytes);
        if is_refused(plain_size) {
            (value, size)
        } else {
            (plain, plain_size)
        }
    }
}

/// A message that was taken and cannot be sent.
struct Refused {
    error: SendError,
    letter: Letter,
    ticket: Ticket,
}

/// An open question for the last number of a thread.
struct Question {
    line: Arc<Line>,
    thread: SharedThread,
    /// Its generation among the open ones.
    open: u64,
}

impl Question {
    /// Asks, then sends the messages that waited for the answer.
    async fn ask(self, start: Start, name: ThreadName) {
        let line = &self.line;
        let counters = &line.accounts.counters;
        let mut over = line.asks_are_over.subscribe();
        // In a task of its own: a panic there must not leave messages waiting for ever.
        let mut asked = tokio::spawn({
            let (source, name) = (Arc::clone(&start.source), name.clone());
            async move { source.last_sequence(&name.tenant, &name.thread).await }
        });
        let answer = tokio::select! {
            answer = tokio::time::timeout(start.time, &mut asked) => match answer {
                Ok(Ok(told)) => told.map_err(|error| error.to_string()),
                Ok(Err(panic)) => Err(panic.to_string()),
                Err(_) => Err(format!("no answer within {} ms", start.time.as_millis())),
            },
            _ = over.wait_for(|is_over| *is_over) => Err("the producer is closed".to_owned()),
        };
        asked.abort();
        let first = match answer {
            Ok(Some(last)) => {
                add(&counters.threads_continued, 1);
                last.saturating_add(1)
            }
            Ok(None) => {
                add(&counters.strands_opened, 1);
                1
            }
            Err(reason) => {
                tracing::warn!(
                    tenant = &*name.tenant,
                    thread = &*name.thread,
                    reason,
                    "the last number of a thread cannot be told: it begins a new strand at 1"
                );
                add(&counters.strands_opened, 1);
                add(&counters.numbering_failures, 1);
                1
            }
        };
        lock(&self.thread).begin_at(first);
        while let Some(taken) = self.next_waiting() {
            // Who waits for the outcome hears of it by the ticket.
            if let Err(error) = line.submit_as(taken, Some(&self.thread)) {
                tracing::debug!(thread = &*name.thread, %error, "a message that waited for its number was refused");
            }
        }
    }

    /// The next message that waits. The thread is not held while it is sent: a batch may need other threads, in their
    /// order.
    fn next_waiting(&self) -> Option<Taken> {
        lock(&self.thread).next_waiting()
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        // None is left but where it was cut off, by the end of the producer's thread: then nobody waits for ever.
        while let Some(taken) = self.next_waiting() {
            drop(taken);
        }
        self.line.asks.leave([self.open]);
    }
}

fn lock(thread: &SharedThread) -> MutexGuard<'_, ThreadNumbers<Taken>> {
    thread.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The memory of the value that was sent last, for the next one.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The most bytes of it: one large message must not hold memory for ever.
const SPARE_BYTES_MAX: usize = 64 << 10;

/// An encoded message, in memory that the thread uses again. It is copied into the batch of its partition.
struct Value {
    bytes: Vec<u8>,
}

impl Value {
    fn empty() -> Self {
        // A thread that ends has let go of it.
        let bytes = SPARE.try_with(Cell::take).unwrap_or_default();
        Self { bytes }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() <= SPARE_BYTES_MAX {
            bytes.clear();
            let _ = SPARE.try_with(|spare| spare.set(bytes));
        }
    }
}

/// A thread, by name.
#[derive(Clone, Debug)]
struct ThreadName {
    tenant: String,
    thread: String,
    /// Whether every message at hand has its number already, so that nobody needs to be asked.
    has_number: bool,
}

impl ThreadName {
    fn of(header: &Header, has_number: bool) -> Self {
        Self {
            tenant: header.tenant_id.clone(),
            thread: header.thread_id.clone(),
            has_number,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.thread == other.thread && self.tenant == other.tenant
    }

    fn is_of(&self, header: &Header) -> bool {
        self.thread == header.thread_id && self.tenant == header.tenant_id
    }
}
