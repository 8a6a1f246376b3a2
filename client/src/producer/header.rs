//! Headers of messages: what callers leave out is filled in.

use std::time::{SystemTime, UNIX_EPOCH};

use quipu_proto::SCHEMA_VERSION;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{
    Checkpoint, DashStreamMessage, Error, Event, EventBatch, ExecutionTrace, Header, MessageType, Metrics,
    StateDiff, TokenChunk, ToolExecution,
};

use crate::ids;

use super::error::SendError;

/// What can be sent: each of the nine kinds, or a message as it is.
pub trait IntoMessage {
    /// The message.
    fn into_message(self) -> DashStreamMessage;
}

impl IntoMessage for DashStreamMessage {
    fn into_message(self) -> DashStreamMessage {
        self
    }
}

macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        $(
            impl IntoMessage for $kind {
                fn into_message(self) -> DashStreamMessage {
                    DashStreamMessage { message: Some(Message::$kind(self)) }
                }
            }
        )*

        /// Header and kind of a message; `None` for an empty one.
        fn header_mut(message: &mut DashStreamMessage) -> Option<(&mut Option<Header>, MessageType)> {
            match message.message.as_mut()? {
                $(Message::$kind(content) => Some((&mut content.header, MessageType::$kind)),)*
            }
        }

        /// The header of a message, if it has one.
        pub(crate) fn header_of(message: &DashStreamMessage) -> Option<&Header> {
            match message.message.as_ref()? {
                $(Message::$kind(content) => content.header.as_ref(),)*
            }
        }
    };
}

kinds!(
    Event,
    StateDiff,
    TokenChunk,
    ToolExecution,
    Checkpoint,
    Metrics,
    Error,
    EventBatch,
    ExecutionTrace,
);

/// The header of a message that was filled in.
pub(super) fn filled_header_mut(message: &mut DashStreamMessage) -> Option<&mut Header> {
    header_mut(message)?.0.as_mut()
}

/// Checks that a message can be sent, and fills in what its header leaves out: id, time, tenant, type, schema version.
/// Events of a batch without a header, or without a thread, get those of the batch.
pub(super) fn fill(message: &mut DashStreamMessage, tenant: &str) -> Result<(), SendError> {
    let now_us = now_us();
    let Some((header, kind)) = header_mut(message) else {
        // A message without content may have a thread no more than a header.
        return Err(SendError::Empty);
    };
    let header = header.get_or_insert_default();
    if header.thread_id.trim().is_empty() {
        return Err(SendError::NoThread);
    }
    fill_header(header, kind, tenant, now_us);
    if let Some(Message::EventBatch(EventBatch {
        header: Some(batch),
        events,
    })) = &mut message.message
    {
        for event in events {
            let header = event.header.get_or_insert_default();
            if header.thread_id.trim().is_empty() {
                header.thread_id.clone_from(&batch.thread_id);
            }
            fill_header(header, MessageType::Event, &batch.tenant_id, now_us);
        }
    }
    Ok(())
}

fn fill_header(header: &mut Header, kind: MessageType, tenant: &str, now_us: i64) {
    if header.message_id.is_empty() {
        header.message_id = ids::message_id().to_vec();
    }
    if header.timestamp_us == 0 {
        header.timestamp_us = now_us;
    }
    if header.tenant_id.is_empty() {
        tenant.clone_into(&mut header.tenant_id);
    }
    if header.r#type == 0 {
        header.r#type = kind as i32;
    }
    if header.schema_version == 0 {
        header.schema_version = SCHEMA_VERSION;
    }
}

/// Now, in microseconds since the Unix epoch.
pub(super) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn header(thread: &str) -> Option<Header> {
        Some(Header {
            thread_id: thread.to_owned(),
            ..Header::default()
        })
    }

    #[test]
    fn what_is_left_out_is_filled_in_and_what_is_there_stays() {
        let mut message = TokenChunk {
            header: header("t"),
            ..TokenChunk::default()
        }
        .into_message();
        fill(&mut message, "acme").unwrap();
        let filled = header_of(&message).unwrap().clone();
        assert_eq!(filled.message_id.len(), 16);
        assert!(filled.timestamp_us > 1_700_000_000_000_000);
        assert_eq!(
            (
                filled.tenant_id.as_str(),
                filled.r#type,
                filled.schema_version,
                filled.sequence
            ),
            ("acme", MessageType::TokenChunk as i32, 1, 0)
        );
        fill(&mut message, "other").unwrap();
        assert_eq!(header_of(&message), Some(&filled));
    }

    #[test]
    fn events_of_a_batch_get_what_they_lack_from_the_batch() {
        let mut batch_header = header("t").unwrap();
        batch_header.tenant_id = "acme".to_owned();
        let events = vec![
            Event::default(),
            Event {
                header: header("u"),
                ..Event::default()
            },
        ];
        let mut message = EventBatch {
            header: Some(batch_header),
            events,
        }
        .into_message();
        fill(&mut message, "default").unwrap();
        let Some(Message::EventBatch(batch)) = message.message else {
            panic!("another kind")
        };
        let threads: Vec<_> = batch
            .events
            .iter()
            .map(|event| {
                let header = event.header.as_ref().unwrap();
                (
                    header.thread_id.as_str(),
                    header.tenant_id.as_str(),
                    header.r#type,
                )
            })
            .collect();
        assert_eq!(threads, [("t", "acme", 1), ("u", "acme", 1)]);
        assert_eq!(batch.header.unwrap().r#type, 8);
    }

    #[test]
    fn a_message_without_thread_or_content_is_refused() {
        let mut empty = DashStreamMessage { message: None };
        assert!(matches!(fill(&mut empty, "a"), Err(SendError::Empty)));
        for header in [None, header(" \t")] {
            let mut message = Event {
                header,
                ..Event::default()
            }
            .into_message();
            assert!(matches!(fill(&mut message, "a"), Err(SendError::NoThread)));
        }
    }
}
