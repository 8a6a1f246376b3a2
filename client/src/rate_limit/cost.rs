//! Whose quota a message is taken from, and how much of it.

use quipu_proto::message::DashStreamMessage;
use quipu_proto::message::dash_stream_message::Message;

use crate::producer::header_of;

/// What a message costs: an EventBatch the number of its events, every other message 1, and an empty batch 1 too, since
/// it is sent.
#[must_use]
pub fn cost_of(message: &DashStreamMessage) -> u32 {
    match &message.message {
        Some(Message::EventBatch(batch)) => u32::try_from(batch.events.len()).unwrap_or(u32::MAX).max(1),
        _ => 1,
    }
}

/// The tenant whose quota a message is taken from: that of its header, which for an EventBatch is the batch's own. Empty
/// where the message has none; a producer fills in its own before it asks.
#[must_use]
pub fn tenant_of(message: &DashStreamMessage) -> &str {
    header_of(message).map_or("", |header| header.tenant_id.as_str())
}

#[cfg(test)]
mod tests {
    use quipu_proto::message::{Event, EventBatch, Header, TokenChunk};

    use super::*;

    fn message(message: Message) -> DashStreamMessage {
        DashStreamMessage {
            message: Some(message),
        }
    }

    fn header(tenant: &str) -> Option<Header> {
        Some(Header {
            tenant_id: tenant.into(),
            ..Header::default()
        })
    }

    #[test]
    fn a_batch_costs_its_events_and_belongs_to_the_tenant_of_its_own_header() {
        let inner = Event {
            header: header("inner"),
            ..Event::default()
        };
        for (events, cost) in [(0, 1), (1, 1), (250, 250)] {
            let batch = message(Message::EventBatch(EventBatch {
                header: header("outer"),
                events: vec![inner.clone(); events],
            }));
            assert_eq!((cost_of(&batch), tenant_of(&batch)), (cost, "outer"));
        }
        let chunk = message(Message::TokenChunk(TokenChunk {
            header: header("acme"),
            ..TokenChunk::default()
        }));
        assert_eq!((cost_of(&chunk), tenant_of(&chunk)), (1, "acme"));
        let nothing = DashStreamMessage::default();
        assert_eq!((cost_of(&nothing), tenant_of(&nothing)), (1, ""));
    }
}
