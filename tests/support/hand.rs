//! Messages that were written by hand, as a frames file: see `fixtures/hand.jsonl`.

use std::collections::BTreeMap;
use std::path::Path;

use quipu_proto::frames::{Frame, write_frame};
use quipu_proto::framing::{self, Compression};
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::error::Severity;
use quipu_proto::message::token_chunk::FinishReason;
use quipu_proto::message::tool_execution::ExecutionStage;
use quipu_proto::message::{
    AttributeValue, DashStreamMessage, Error, ErrorRecord, Event, EventType, ExecutionTrace, Header,
    MetricValue, Metrics, NodeExecutionRecord, TokenChunk, TokenStats, ToolExecution, attribute_value,
    metric_value,
};
use serde_json::Value;

/// The time from which the messages count: 2026-03-01 10:00:00 UTC, in microseconds since the Unix epoch.
const START_TIME_US: i64 = 1_772_359_200_000_000;

/// The messages of a text, one a line, as the bytes of a frames file. Empty lines and those that begin with `#` tell
/// nothing.
#[must_use]
pub fn frames(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let line = Line(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")));
        let payload = framing::encode(
            &DashStreamMessage {
                message: Some(line.message()),
            },
            Compression::None,
        );
        let thread = line.text("thread");
        let frame = Frame {
            partition: 0,
            key: thread.as_bytes(),
            payload: &payload,
        };
        write_frame(&mut out, &frame).unwrap();
    }
    out
}

/// Writes the messages of one file as a frames file.
pub fn write(text: &Path, frames_file: &Path) {
    std::fs::write(frames_file, frames(&std::fs::read_to_string(text).unwrap())).unwrap();
}

/// One line of the text.
struct Line(Value);

/// Makes the message of a line.
type Make = fn(&Line) -> Message;

impl Line {
    fn text(&self, key: &str) -> String {
        self.0[key].as_str().unwrap_or_default().to_owned()
    }

    fn int(&self, key: &str) -> i64 {
        self.0[key].as_i64().unwrap_or_default()
    }

    fn count(&self, key: &str) -> u32 {
        u32::try_from(self.int(key)).unwrap()
    }

    fn flag(&self, key: &str) -> bool {
        self.0[key].as_bool().unwrap_or_default()
    }

    /// The number of an enum's value, by its name without the prefix of the enum.
    fn number(&self, key: &str, prefix: &str, number: impl Fn(&str) -> Option<i32>) -> i32 {
        let name = format!("{prefix}{}", self.text(key));
        number(&name).unwrap_or_else(|| panic!("{name} is no value of {key}"))
    }

    /// The members of an object.
    fn members(&self, key: &str) -> impl Iterator<Item = (String, &Value)> {
        self.0[key]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value))
    }

    fn texts(&self, key: &str) -> BTreeMap<String, String> {
        self.members(key)
            .map(|(key, value)| (key, value.as_str().unwrap().to_owned()))
            .collect()
    }

    fn list(&self, key: &str) -> impl Iterator<Item = Line> {
        self.0[key]
            .as_array()
            .into_iter()
            .flatten()
            .map(|value| Line(value.clone()))
    }

    fn header(&self) -> Header {
        // Ids read alike as hexadecimal and in the text. A message need have none.
        let id = self.0["id"]
            .as_i64()
            .map(|id| u128::from_str_radix(&id.to_string(), 16).unwrap());
        let tenant = self.0["tenant"].as_str().unwrap_or("acme");
        Header {
            message_id: id.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
            timestamp_us: self.0["time_us"]
                .as_i64()
                .unwrap_or_else(|| START_TIME_US + self.int("ms") * 1_000),
            tenant_id: tenant.to_owned(),
            thread_id: self.text("thread"),
            sequence: self.int("seq").unsigned_abs(),
            schema_version: 1,
            ..Header::default()
        }
    }

    fn message(&self) -> Message {
        let kinds: [(&str, Make); 6] = [
            ("event", Self::event),
            ("chunk", Self::chunk),
            ("tool", Self::tool),
            ("metrics", Self::metrics),
            ("trace", Self::trace),
            ("error", Self::error),
        ];
        // The line of a tool has an error too, so the error is asked for last.
        let kind = kinds.iter().find(|(key, _)| self.0.get(key).is_some());
        let (_, message) = kind.unwrap_or_else(|| panic!("no kind of message: {}", self.0));
        message(self)
    }

    fn event(&self) -> Message {
        let number = |name: &str| EventType::from_str_name(name).map(Into::into);
        Message::Event(Event {
            header: Some(self.header()),
            event_type: self.number("event", "EVENT_TYPE_", number),
            node_id: self.text("node"),
            duration_us: self.int("us"),
            llm_request_id: self.text("request"),
            attributes: self
                .members("attributes")
                .map(|(key, value)| (key, attribute(value)))
                .collect(),
        })
    }

    fn chunk(&self) -> Message {
        let is_final = self.flag("final");
        let stats: Vec<u32> = self.list("stats").map(|Line(count)| count_of(&count)).collect();
        Message::TokenChunk(TokenChunk {
            header: Some(self.header()),
            request_id: self.text("chunk"),
            text: self.text("text"),
            chunk_index: self.count("index"),
            is_final,
            finish_reason: match is_final {
                true => FinishReason::Stop.into(),
                false => FinishReason::None.into(),
            },
            model: self.text("model"),
            stats: (!stats.is_empty()).then(|| TokenStats {
                prompt_tokens: stats[0],
                completion_tokens: stats[1],
                total_tokens: stats[2],
            }),
            ..TokenChunk::default()
        })
    }

    fn tool(&self) -> Message {
        let number = |name: &str| ExecutionStage::from_str_name(name).map(Into::into);
        let error_code = self.text("code");
        Message::ToolExecution(ToolExecution {
            header: Some(self.header()),
            call_id: self.text("call"),
            tool_name: self.text("tool"),
            stage: self.number("stage", "EXECUTION_STAGE_", number),
            error: self.text("error"),
            error_details: (!error_code.is_empty()).then(|| Error {
                error_code,
                ..Error::default()
            }),
            duration_us: self.int("us"),
            retry_count: self.count("retry"),
            ..ToolExecution::default()
        })
    }

    fn metrics(&self) -> Message {
        Message::Metrics(Metrics {
            header: Some(self.header()),
            scope: self.text("metrics"),
            scope_id: self.text("scope_id"),
            metrics: self
                .members("values")
                .map(|(key, value)| (key, metric(value)))
                .collect(),
            tags: self.texts("tags"),
        })
    }

    fn error(&self) -> Message {
        let number = |name: &str| Severity::from_str_name(name).map(Into::into);
        Message::Error(Error {
            header: Some(self.header()),
            error_code: self.text("error"),
            message: self.text("message"),
            severity: self.number("severity", "SEVERITY_", number),
            context: self.texts("context"),
            ..Error::default()
        })
    }

    fn trace(&self) -> Message {
        let node = |Line(name)| NodeExecutionRecord {
            node: Value::as_str(&name).unwrap().to_owned(),
            succeeded: true,
            ..NodeExecutionRecord::default()
        };
        let error = |line: Line| ErrorRecord {
            node: line.text("node"),
            message: line.text("message"),
            error_code: line.text("code"),
            recovered: line.flag("recovered"),
            ..ErrorRecord::default()
        };
        Message::ExecutionTrace(ExecutionTrace {
            header: Some(self.header()),
            thread_id: self.text("thread"),
            execution_id: self.text("trace"),
            nodes_executed: self.list("nodes").map(node).collect(),
            total_duration_ms: self.0["duration_ms"].as_u64().unwrap_or_default(),
            total_tokens: self.0["tokens"].as_u64().unwrap_or_default(),
            errors: self.list("errors").map(error).collect(),
            completed: self.flag("completed"),
            ..ExecutionTrace::default()
        })
    }
}

fn count_of(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// A number that JSON does not know: `{"float": "NaN"}`.
fn float(value: &Value) -> f64 {
    let text = value["float"].as_str();
    text.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no value"))
}

fn attribute(value: &Value) -> AttributeValue {
    let value = match value {
        Value::String(text) => attribute_value::Value::StringValue(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(int) => attribute_value::Value::IntValue(int),
            None => attribute_value::Value::FloatValue(number.as_f64().unwrap()),
        },
        other => attribute_value::Value::FloatValue(float(other)),
    };
    AttributeValue { value: Some(value) }
}

fn metric(value: &Value) -> MetricValue {
    let value = match value {
        Value::Bool(flag) => metric_value::Value::BoolValue(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(int) => metric_value::Value::IntValue(int),
            None => metric_value::Value::FloatValue(number.as_f64().unwrap()),
        },
        other => metric_value::Value::FloatValue(float(other)),
    };
    MetricValue {
        value: Some(value),
        ..MetricValue::default()
    }
}
