//! What a recorder, its clones, and all that they began share: one thread of messages.
//!
//! All messages of the thread pass one lock, in which they get their time. So their times are in the order of their numbers, no
//! message of a run comes after its end, and a difference is always told against the state that was sent before it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Header, MessageType};
use quipu_proto::state::StateWriterOptions;
use serde_json::Value;

use super::counts::Counters;
use super::message_id::MessageId;
use super::opened::{Opened, Reason};
use super::state::States;
use super::{clock, graph_start};
use crate::redact::Redactor;
use crate::sink::{Sink, header_mut};

/// The thread.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) tenant_id: String,
    pub(super) thread_id: String,
    pub(super) redactor: Redactor,
    pub(super) counters: Counters,
    progress: Mutex<Progress>,
}

/// How far the thread is.
#[derive(Debug)]
pub(super) struct Progress {
    newest_us: i64,
    next_key: u64,
    /// The run that is under way.
    run: Option<UnderWay>,
    /// All that was begun and has not ended, by key: in the order of their beginnings.
    open: BTreeMap<u64, Opened>,
    states: States,
}

/// A run that is under way.
#[derive(Clone, Debug)]
struct UnderWay {
    run: u64,
    /// The message that told of its start.
    start: MessageId,
    started: Instant,
}

impl Progress {
    fn new(states: StateWriterOptions) -> Self {
        Self {
            newest_us: 0,
            next_key: 0,
            run: None,
            open: BTreeMap::new(),
            states: States::new(states),
        }
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// Whether that run is under way. What lies in no run always is.
    fn is_under_way(&self, run: Option<u64>) -> bool {
        run.is_none() || run == self.run.as_ref().map(|under_way| under_way.run)
    }
}

impl Thread {
    pub(super) fn new(
        sink: Arc<dyn Sink>,
        tenant_id: String,
        thread_id: String,
        redactor: Redactor,
        states: StateWriterOptions,
    ) -> Self {
        Self {
            sink,
            tenant_id,
            thread_id,
            redactor,
            counters: Counters::default(),
            progress: Mutex::new(Progress::new(states)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // A rule of the application that panicked did so outside of this lock, and telemetry goes on in any case.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The message without its secrets.
    pub(super) fn redacted(&self, message: Message) -> Message {
        let mut message = DashStreamMessage {
            message: Some(message),
        };
        self.redactor.redact_message(&mut message);
        // It is still there: redaction changes fields.
        message
            .message
            .unwrap_or_else(|| Message::Event(Default::default()))
    }

    /// The text of an error without its secrets.
    pub(super) fn redacted_text(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
    }

    /// Puts a message that has no secrets. Tells its id, and whether it was taken.
    fn put(&self, progress: &mut Progress, parent: &MessageId, message: Message) -> (MessageId, bool) {
        self.put_after(&mut progress.newest_us, parent, message)
    }

    /// As [`put`](Self::put), given the time of the newest message.
    fn put_after(&self, newest_us: &mut i64, parent: &MessageId, message: Message) -> (MessageId, bool) {
        let mut message = message;
        let id = MessageId::new();
        // A clock that is set back must not mix up the messages.
        *newest_us = clock::now_us().max(*newest_us);
        *header_mut(&mut message) = Some(Header {
            message_id: id.0.clone(),
            timestamp_us: *newest_us,
            tenant_id: self.tenant_id.clone(),
            thread_id: self.thread_id.clone(),
            r#type: message_type(&message).into(),
            parent_id: parent.0.clone(),
            schema_version: quipu_proto::SCHEMA_VERSION,
            ..Header::default()
        });
        let message = DashStreamMessage {
            message: Some(message),
        };
        match self.sink.put(message) {
            Ok(()) => {
                self.counters.sent();
                (id, true)
            }
            Err(error) => {
                self.counters.lost(error);
                (id, false)
            }
        }
    }

    /// Sends a message of a run, or of none. It must have no secrets.
    pub(super) fn send(&self, run: Option<u64>, parent: &MessageId, message: Message) {
        let mut progress = self.lock();
        if !progress.is_under_way(run) {
            return self.counters.late();
        }
        self.put(&mut progress, parent, message);
    }

    /// Begins something in a run: sends its first message, and remembers it until its end. Tells its key, and the id of the
    /// message. The key of what came too late is of nothing.
    pub(super) fn open(&self, parent: &MessageId, message: Message, opened: &mut Opened) -> u64 {
        let mut progress = self.lock();
        let key = progress.key();
        if !progress.is_under_way(opened.run) {
            self.counters.late();
            return key;
        }
        let (id, _) = self.put(&mut progress, parent, message);
        opened.start = id;
        progress.open.insert(key, opened.clone());
        key
    }

    /// Sends a message of something that must not have ended, and lets its memory be changed.
    pub(super) fn send_within(&self, key: u64, message: impl FnOnce(&mut Opened) -> Message) {
        let mut progress = self.lock();
        let Some(opened) = progress.open.get_mut(&key) else {
            return self.counters.late();
        };
        let message = message(opened);
        let parent = opened.start.clone();
        self.put(&mut progress, &parent, message);
    }

    /// Ends something, with these messages.
    pub(super) fn close(&self, key: u64, messages: impl IntoIterator<Item = Message>) {
        let mut progress = self.lock();
        let Some(opened) = progress.open.remove(&key) else {
            return self.counters.late();
        };
        for message in messages {
            self.put(&mut progress, &opened.start, message);
        }
    }

    /// Ends something, with a message made of what is remembered of it.
    pub(super) fn close_with(&self, key: u64, message: impl FnOnce(&Opened) -> Message) {
        let mut progress = self.lock();
        let Some(opened) = progress.open.remove(&key) else {
            return self.counters.late();
        };
        self.put(&mut progress, &opened.start, message(&opened));
    }

    /// Ends something that nobody ended, if it is not yet.
    pub(super) fn close_dropped(&self, key: u64) {
        let mut progress = self.lock();
        if let Some(opened) = progress.open.remove(&key) {
            let reason = Reason::of_drop();
            self.put(
                &mut progress,
                &opened.start,
                opened.failure(reason.error(), reason),
            );
        }
    }

    /// Begins a run, perhaps with a state, and sends what tells of both. One that is still under way ends: messages of two runs of one
    /// thread could not be told apart.
    pub(super) fn begin_run(
        &self,
        mut message: Message,
        started: Instant,
        initial: Option<Value>,
        superseded: impl FnOnce(Instant) -> Message,
    ) -> (u64, MessageId) {
        let mut progress = self.lock();
        if let Some(before) = progress.run.clone() {
            let message = superseded(before.started);
            self.finish_run(
                &mut progress,
                before.run,
                &before.start,
                message,
                Reason::Superseded,
            );
        }
        let run = progress.key();
        progress.states.begin();
        let is_told = match initial.map(|state| progress.states.initial(state)) {
            Some(Ok(text)) => graph_start::add_initial_state(&mut message, text),
            Some(Err(why)) => {
                self.state_skipped(&why);
                false
            }
            None => false,
        };
        let (id, is_taken) = self.put(&mut progress, &MessageId::default(), message);
        progress.run = Some(UnderWay {
            run,
            start: id.clone(),
            started,
        });
        // Where the start could not tell of its state, a message of its own does.
        if !(is_told && is_taken)
            && let Some(state) = progress.states.lost()
        {
            self.put_state(&mut progress, &id, state);
        }
        (run, id)
    }

    /// Whether that run is under way.
    pub(super) fn is_run(&self, run: u64) -> bool {
        self.lock().is_under_way(Some(run))
    }

    /// Ends a run with this message. What is open in it ends before, by an error.
    pub(super) fn end_run(&self, run: u64, start: &MessageId, message: Message, reason: Reason) {
        let mut progress = self.lock();
        if !progress.is_under_way(Some(run)) {
            return self.counters.late();
        }
        self.finish_run(&mut progress, run, start, message, reason);
    }

    fn finish_run(
        &self,
        progress: &mut Progress,
        run: u64,
        start: &MessageId,
        message: Message,
        reason: Reason,
    ) {
        // The newest first, so that nothing ends before what lies in it.
        let open: Vec<(u64, Opened)> = progress
            .open
            .extract_if(.., |_, opened| opened.run == Some(run))
            .collect();
        for (_, opened) in open.into_iter().rev() {
            self.put(progress, &opened.start, opened.failure(reason.error(), reason));
        }
        self.put(progress, start, message);
        progress.run = None;
    }

    /// Sends a state that has no secrets.
    pub(super) fn state(&self, run: Option<u64>, parent: &MessageId, state: Value) {
        let mut progress = self.lock();
        if !progress.is_under_way(run) {
            return self.counters.late();
        }
        self.put_state(&mut progress, parent, state);
    }

    fn put_state(&self, progress: &mut Progress, parent: &MessageId, state: Value) {
        let Progress {
            newest_us, states, ..
        } = progress;
        if let Err(why) = states.tell(state, |message| self.put_after(newest_us, parent, message).1) {
            self.state_skipped(&why);
        }
    }

    /// A state could not be told.
    pub(super) fn state_skipped(&self, why: &dyn Display) {
        tracing::warn!(thread_id = %self.thread_id, %why, "a state is left out; the next one covers its change too");
        self.counters.state_skipped();
    }
}

fn message_type(message: &Message) -> MessageType {
    match message {
        Message::Event(_) => MessageType::Event,
        Message::StateDiff(_) => MessageType::StateDiff,
        Message::TokenChunk(_) => MessageType::TokenChunk,
        Message::ToolExecution(_) => MessageType::ToolExecution,
        Message::Checkpoint(_) => MessageType::Checkpoint,
        Message::Metrics(_) => MessageType::Metrics,
        Message::Error(_) => MessageType::Error,
        Message::EventBatch(_) => MessageType::EventBatch,
        Message::ExecutionTrace(_) => MessageType::ExecutionTrace,
    }
}
