//! Attributes of events.

use std::collections::BTreeMap;

use quipu_proto::message::attribute_value::Value as Attribute;
use quipu_proto::message::{AttributeArray, AttributeMap, AttributeValue, Event, EventType};
use serde_json::Value;

/// Attributes of an event that is being made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes(pub(crate) BTreeMap<String, AttributeValue>);

impl Attributes {
    /// Adds one; null adds none.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(value) = attribute(value.into()) {
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

/// The attribute of a JSON value; none for null. Integers that no 64 bits hold become floats.
fn attribute(value: Value) -> Option<AttributeValue> {
    let value = match value {
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
                .map(|item| attribute(item).unwrap_or_default())
                .collect(),
        }),
        Value::Object(members) => Attribute::MapValue(AttributeMap {
            values: members
                .into_iter()
                .filter_map(|(name, member)| Some((name, attribute(member)?)))
                .collect(),
        }),
    };
    Some(AttributeValue { value: Some(value) })
}
