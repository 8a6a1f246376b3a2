//! Attributes of events.

use std::collections::BTreeMap;

use quipu_proto::message::attribute_value::Value as Attribute;
use quipu_proto::message::{AttributeArray, AttributeMap, AttributeValue, Event, EventType};
use serde_json::Value;

/// How deep arrays and maps nest as such; what lies deeper is told as JSON text. Readers follow 100 levels of messages, of which
/// a map takes three.
const NESTING_MAX: usize = 24;

/// Attributes of an event that is being made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes(pub(crate) BTreeMap<String, AttributeValue>);

impl Attributes {
    /// Adds one; null adds none.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(value) = attribute(value.into(), NESTING_MAX) {
            self.0.insert(name.to_owned(), value);
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds those of the application. They do not replace what is there.
    pub(crate) fn with_all(mut self, own: &BTreeMap<String, Value>) -> Self {
        for (name, value) in own {
            if !self.0.contains_key(name) {
                self.set(name, value.clone());
            }
        }
        self
    }

    /// An event with these attributes.
    pub(crate) fn event(self, event_type: EventType, node_id: &str) -> Event {
        Event {
            event_type: event_type.into(),
            node_id: node_id.to_owned(),
            attributes: self.0,
            ..Event::default()
        }
    }
}

/// The attribute of a JSON value; none for null. Integers that no 64 bits hold become floats. `levels` may still nest.
fn attribute(value: Value, levels: usize) -> Option<AttributeValue> {
    let value = match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => Attribute::StringValue(value.to_string()),
        Value::Null => return None,
        Value::Bool(value) => Attribute::BoolValue(value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Attribute::IntValue(integer),
            None => Attribute::FloatValue(number.as_f64()?),
        },
        Value::String(text) => Attribute::StringValue(text),
        Value::Array(items) => Attribute::ArrayValue(AttributeArray {
            // A null keeps its place.
            values: items
                .into_iter()
                .map(|item| attribute(item, levels - 1).unwrap_or_default())
                .collect(),
        }),
        Value::Object(members) => Attribute::MapValue(AttributeMap {
            values: members
                .into_iter()
                .filter_map(|(name, member)| Some((name, attribute(member, levels - 1)?)))
                .collect(),
        }),
    };
    Some(AttributeValue { value: Some(value) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::framing::{self, Compression};
    use quipu_proto::message::dash_stream_message::Message;
    use quipu_proto::message::{DashStreamMessage, EventBatch, Header};
    use quipu_proto::{Decoder, Policy};
    use serde_json::json;

    use super::*;

    #[test]
    fn however_deep_a_value_nests_the_message_can_be_read() {
        let maps = (0..100).fold(json!("kernel"), |inner, _| json!({ "a": inner }));
        let arrays = (0..100).fold(json!("kernel"), |inner, _| json!([inner]));
        let mut event = Attributes::default()
            .with("maps", maps)
            .with("arrays", arrays)
            .event(EventType::NodeStart, "plan");
        event.header = Some(Header {
            thread_id: "t".to_owned(),
            ..Header::default()
        });
        let batch = EventBatch {
            header: event.header.clone(),
            events: vec![event],
        };
        let message = DashStreamMessage {
            message: Some(Message::EventBatch(batch)),
        };
        let value = framing::encode(&message, Compression::default());
        let mut decoder = Decoder::new(Policy::Strict);
        decoder.decode(Some(&value)).unwrap();
    }

    #[test]
    fn what_lies_too_deep_is_json_text() {
        let value = json!([[1, {"a": null}], {}]);
        let inner = |text: &str| AttributeValue {
            value: Some(Attribute::StringValue(text.to_owned())),
        };
        let told = attribute(value, 1).unwrap().value.unwrap();
        let Attribute::ArrayValue(told) = told else {
            panic!("{told:?}");
        };
        assert_eq!(told.values, [inner(r#"[1,{"a":null}]"#), inner("{}")]);
    }
}
