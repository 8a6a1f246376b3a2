//! Documents of messages that the vectors do not have.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::Value;

use super::{JsonForm, Names};
use crate::framing::{self, Compression};
use crate::message::attribute_value::Value as Attribute;
use crate::message::dash_stream_message::Message;
use crate::message::{
    AttributeArray, AttributeValue, DashStreamMessage, Event, EventBatch, Header, ToolExecution,
};
use crate::{Decoder, Policy};

fn written(message: Message, policy: Policy, form: JsonForm) -> Vec<String> {
    let value = framing::encode(
        &DashStreamMessage {
            message: Some(message),
        },
        Compression::default(),
    );
    let mut decoder = Decoder::new(policy).for_display();
    let mut out = Vec::new();
    let count = form.write(&decoder.decode(Some(&value)).unwrap(), &mut out);
    let lines: Vec<String> = String::from_utf8(out)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), count);
    lines
}

fn event(sequence: u64, event_type: i32) -> Event {
    Event {
        header: Some(Header {
            thread_id: "t".into(),
            sequence,
            r#type: 9,
            ..Header::default()
        }),
        event_type,
        ..Event::default()
    }
}

fn attribute(value: Attribute) -> AttributeValue {
    AttributeValue { value: Some(value) }
}

#[test]
fn keys_stand_in_the_order_in_which_they_read_well() {
    let lines = written(Message::Event(event(1, 1)), Policy::Strict, JsonForm::default());
    assert_eq!(
        lines[0],
        "{\"type\":\"Event\",\"header\":{\"message_id\":\"\",\"timestamp_us\":0,\
         \"timestamp_iso\":\"1970-01-01T00:00:00+00:00\",\"tenant_id\":\"\",\"thread_id\":\"t\",\"sequence\":1,\
         \"type\":\"UNKNOWN(9)\",\"parent_id\":null,\"schema_version\":0},\"event_type\":\"GRAPH_START\",\
         \"node_id\":null,\"attributes\":null,\"duration_us\":null,\"duration_ms\":null,\"llm_request_id\":null}"
    );
}

#[test]
fn attributes_are_written_as_people_read_them() {
    let attributes = BTreeMap::from([
        ("b".to_owned(), attribute(Attribute::BytesValue(b"text".to_vec()))),
        ("a".to_owned(), attribute(Attribute::BytesValue(vec![0xff, 0x01]))),
        ("d".to_owned(), attribute(Attribute::FloatValue(f64::NAN))),
        (
            "c".to_owned(),
            attribute(Attribute::ArrayValue(AttributeArray {
                values: vec![
                    attribute(Attribute::FloatValue(2.0)),
                    attribute(Attribute::FloatValue(f64::INFINITY)),
                ],
            })),
        ),
    ]);
    let message = Message::Event(Event {
        attributes,
        ..event(1, 1)
    });
    let lines = written(message, Policy::Strict, JsonForm::default());
    let expected = "\"attributes\":{\"a\":\"ff01\",\"b\":\"text\",\"c\":[2.0,null],\"d\":null}";
    assert!(lines[0].contains(expected), "{}", lines[0]);
}

#[test]
fn all_names_are_those_of_the_schema() {
    let all = JsonForm {
        names: Names::All,
        ..JsonForm::default()
    };
    for (number, reference, name) in [
        (83, "UNKNOWN(83)", "NODE_WARNING"),
        (90, "UNKNOWN(90)", "OPTIMIZATION_START"),
        (0, "UNKNOWN(0)", "UNSPECIFIED"),
        (-7, "UNKNOWN(-7)", "UNKNOWN(-7)"),
        (31, "LLM_END", "LLM_END"),
    ] {
        for (form, expected) in [(JsonForm::default(), reference), (all, name)] {
            let lines = written(Message::Event(event(1, number)), Policy::Strict, form);
            let document: Value = serde_json::from_str(&lines[0]).unwrap();
            assert_eq!(document["event_type"], expected);
        }
    }
    let call = ToolExecution {
        header: event(1, 1).header,
        stage: 7,
        ..ToolExecution::default()
    };
    for (form, expected) in [(JsonForm::default(), "UNKNOWN"), (all, "UNKNOWN(7)")] {
        let lines = written(Message::ToolExecution(call.clone()), Policy::Strict, form);
        let document: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(document["stage"], expected);
    }
}

#[test]
fn a_batch_is_one_document_or_its_events() {
    let batch = EventBatch {
        header: event(0, 0).header,
        events: vec![event(5, 1), event(6, 2)],
    };
    let whole = written(
        Message::EventBatch(batch.clone()),
        Policy::Strict,
        JsonForm::default(),
    );
    assert!(whole[0].ends_with(",\"event_count\":2}"), "{}", whole[0]);
    let expand = JsonForm {
        expand_batches: true,
        ..JsonForm::default()
    };
    let events = written(Message::EventBatch(batch), Policy::Strict, expand);
    assert_eq!(events.len(), 2);
    assert!(events[1].contains("\"sequence\":6") && events[1].contains("\"event_type\":\"GRAPH_END\""));
}

#[test]
fn a_message_without_a_header_says_so() {
    let message = Message::Event(Event::default());
    let lines = written(message, Policy::Compatible, JsonForm::default());
    assert!(
        lines[0].starts_with("{\"type\":\"Event\",\"header\":null,"),
        "{}",
        lines[0]
    );
}
