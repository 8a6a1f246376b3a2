//! How a session puts its messages and texts into words.

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{Event, EventType};

use crate::guide::Guide;
use crate::kind::Kind;
use crate::outbox::{attributes, event, flag, float, int, text};
use crate::session::Session;

impl Session {
    /// Writes a message with what the session itself holds.
    pub(crate) fn say(&mut self, message: Message, guide: &mut Guide) {
        self.out.message(guide, &mut self.dice, message);
    }

    /// Text of about as many bytes as the guide gives a kind.
    pub(crate) fn compose(&mut self, kind: Kind, guide: &Guide) -> String {
        let bytes = guide.text_bytes(kind, &mut self.dice);
        self.prose.text(bytes, &mut self.dice)
    }

    /// Adds to an event, now and then, the beginning of the text that it is about.
    pub(crate) fn preview(&mut self, event: &mut Event, key: &str, guide: &Guide) {
        if !self.out.is_collecting() && guide.shows(0.2, &mut self.dice) {
            let words = self.compose(Kind::Event, guide);
            event.attributes.extend(attributes([(key, text(words))]));
        }
    }

    /// Writes an event of a node with one text of free length.
    pub(crate) fn remark(&mut self, event_type: EventType, node: &str, guide: &mut Guide) {
        let bytes = self.out.event_text_bytes(guide, &mut self.dice);
        let words = self.prose.text(bytes, &mut self.dice);
        let mut remark = event(event_type, node);
        remark.attributes = match event_type {
            EventType::NodeThinking => attributes([
                ("thought", text(words)),
                ("step", int(self.run.visits.len() as i64 + 1)),
            ]),
            EventType::NodeProgress => attributes([
                ("message", text(words)),
                ("percent", float(self.dice.between(1, 20) as f64 / 20.0)),
            ]),
            EventType::NodeWarning => attributes([("warning", text(words)), ("recovered", flag(true))]),
            _ => attributes([
                ("key", text(self.prose.name(&mut self.dice))),
                ("summary", text(words)),
            ]),
        };
        self.out.event(guide, &mut self.dice, remark);
    }
}
