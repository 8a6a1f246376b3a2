//! Messages kept in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quipu_proto::message::DashStreamMessage;

use super::counters::Counters;
use super::{Sink, SinkError};

/// Keeps messages in memory, numbered, in the order of their arrival. For tests: it grows with every message.
#[derive(Debug)]
pub struct MemorySink {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    counters: Counters,
    messages: Vec<DashStreamMessage>,
}

impl Default for MemorySink {
    /// As [`MemorySink::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl MemorySink {
    /// Takes every message.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(usize::MAX)
    }

    /// Has room for that many messages, as the queue of a producer has.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            kept: Mutex::default(),
        }
    }

    /// A copy of the messages so far.
    #[must_use]
    pub fn messages(&self) -> Vec<DashStreamMessage> {
        self.lock().messages.clone()
    }

    /// Takes the messages out, which makes room.
    #[must_use]
    pub fn take(&self) -> Vec<DashStreamMessage> {
        std::mem::take(&mut self.lock().messages)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for MemorySink {
    fn put(&self, mut message: DashStreamMessage) -> Result<(), SinkError> {
        let mut kept = self.lock();
        if let Some(message) = &mut message.message {
            kept.counters.number(message)?;
        }
        if kept.messages.len() >= self.limit {
            return Err(SinkError::NoRoom {
                waiting: kept.messages.len(),
            });
        }
        kept.messages.push(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::message::dash_stream_message::Message;
    use quipu_proto::message::{Event, EventBatch, Header};

    use super::*;

    fn event(tenant: &str, thread: &str, sequence: u64) -> Event {
        let header = Header {
            tenant_id: tenant.to_owned(),
            thread_id: thread.to_owned(),
            sequence,
            ..Header::default()
        };
        Event {
            header: Some(header),
            ..Event::default()
        }
    }

    fn put(sink: &MemorySink, message: Message) -> Result<(), SinkError> {
        sink.put(DashStreamMessage {
            message: Some(message),
        })
    }

    fn numbers(sink: &MemorySink) -> Vec<Vec<u64>> {
        let number = |header: &Option<Header>| header.as_ref().unwrap().sequence;
        let numbers = |message: &DashStreamMessage| match message.message.as_ref().unwrap() {
            Message::EventBatch(batch) => {
                assert_eq!(number(&batch.header), 0, "a batch has no number of its own");
                batch.events.iter().map(|event| number(&event.header)).collect()
            }
            Message::Event(event) => vec![number(&event.header)],
            other => panic!("{other:?}"),
        };
        sink.messages().iter().map(numbers).collect()
    }

    #[test]
    fn each_thread_of_each_tenant_counts_for_itself() {
        let sink = MemorySink::new();
        for (tenant, thread) in [("a", "t"), ("b", "t"), ("a", "t"), ("a", "u")] {
            put(&sink, Message::Event(event(tenant, thread, 0))).unwrap();
        }
        put(&sink, Message::Event(event("a", "t", 77))).unwrap();
        let batch = EventBatch {
            header: event("a", "t", 0).header,
            events: vec![event("a", "t", 0), event("a", "u", 0), event("a", "t", 0)],
        };
        put(&sink, Message::EventBatch(batch)).unwrap();
        assert_eq!(
            numbers(&sink),
            [vec![1], vec![1], vec![2], vec![1], vec![77], vec![3, 2, 4]]
        );
    }

    #[test]
    fn a_message_without_room_keeps_its_number_and_one_that_is_refused_has_none() {
        let sink = MemorySink::with_limit(1);
        let send = |thread: &str| put(&sink, Message::Event(event("a", thread, 0)));
        send("t").unwrap();
        assert_eq!(send("t"), Err(SinkError::NoRoom { waiting: 1 }));
        assert_eq!(sink.take().len(), 1);
        let refused = send(" ").unwrap_err().to_string();
        assert!(refused.contains(r#"thread_id " ""#), "{refused}");
        send("t").unwrap();
        assert_eq!(numbers(&sink), [[3]], "number 2 is the gap");
    }

    #[test]
    fn a_batch_that_is_refused_leaves_no_gap() {
        let sink = MemorySink::new();
        let blank = event("a", " ", 0);
        for (header, second) in [
            (None, event("a", "t", 0)),
            (blank.header.clone(), event("a", "t", 0)),
            (event("a", "t", 0).header, blank.clone()),
        ] {
            let batch = EventBatch {
                header,
                events: vec![event("a", "t", 0), second],
            };
            put(&sink, Message::EventBatch(batch)).unwrap_err();
        }
        put(&sink, Message::Event(event("a", "t", 0))).unwrap();
        assert_eq!(numbers(&sink), [[1]]);
    }

    #[test]
    fn a_message_without_header_is_refused() {
        let refused = put(&MemorySink::new(), Message::Event(Event::default())).unwrap_err();
        assert!(matches!(refused, SinkError::Refused(_)), "{refused}");
    }
}
