//! From rows back to the message, to show that columns lose nothing but what `normalize` names.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use quipu_proto::message::attribute_value::Value;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{
    AttributeArray, AttributeMap, AttributeValue, Checkpoint, CompressionInfo, DashStreamMessage,
    DiffOperation, Error, ErrorRecord, Event, EventBatch, ExecutionTrace, Header, MetricValue, Metrics,
    NodeExecutionRecord, StateDiff, TokenChunk, TokenStats, ToolExecution, metric_value,
};
use quipu_proto::{Table, enums};

use super::expected::plain_state;
use super::text::{self, Json};
use super::{Row, Rows};

/// What columns do not tell apart:
/// - the bits of a NaN inside attributes,
/// - for operations that need a value, no bytes and the JSON text `null`,
/// - how a state was compressed, when it was decompressed.
pub fn normalize(mut message: DashStreamMessage) -> DashStreamMessage {
    match message.message.as_mut().unwrap() {
        Message::Event(event) => event.attributes.values_mut().for_each(normalize_attribute),
        Message::EventBatch(batch) => {
            batch
                .events
                .iter_mut()
                .flat_map(|event| event.attributes.values_mut())
                .for_each(normalize_attribute);
        }
        Message::StateDiff(diff) => {
            for operation in &mut diff.operations {
                if operation.value == b"null" && operation.encoding == 0 && matches!(operation.op, 0 | 2 | 5)
                {
                    operation.value.clear();
                }
            }
        }
        Message::Checkpoint(checkpoint) => {
            if let Some(plain) = plain_state(checkpoint).filter(|plain| text::is_json(plain)) {
                checkpoint.state = plain;
            }
        }
        _ => {}
    }
    message
}

fn normalize_attribute(value: &mut AttributeValue) {
    match &mut value.value {
        Some(Value::FloatValue(float)) if float.is_nan() => *float = f64::NAN,
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(normalize_attribute),
        Some(Value::MapValue(map)) => map.values.values_mut().for_each(normalize_attribute),
        _ => {}
    }
}

/// The message that became these rows.
pub fn message(rows: &Rows) -> DashStreamMessage {
    let message = match rows.tables()[..] {
        [Table::Events] => Message::Event(event(&rows.one(Table::Events))),
        [Table::EventBatches] | [Table::Events, Table::EventBatches] => Message::EventBatch(EventBatch {
            header: header(&rows.one(Table::EventBatches)),
            events: rows.of(Table::Events).iter().map(event).collect(),
        }),
        [Table::StateDiffs] => Message::StateDiff(state_diff(&rows.one(Table::StateDiffs))),
        [Table::TokenChunks] => Message::TokenChunk(token_chunk(&rows.one(Table::TokenChunks))),
        [Table::ToolExecutions] => Message::ToolExecution(tool_execution(&rows.one(Table::ToolExecutions))),
        [Table::Checkpoints] => Message::Checkpoint(checkpoint(&rows.one(Table::Checkpoints))),
        [Table::Metrics] => Message::Metrics(metrics(&rows.of(Table::Metrics))),
        [Table::Errors] => Message::Error(error(&rows.one(Table::Errors))),
        [Table::ExecutionTraces] => {
            Message::ExecutionTrace(execution_trace(&rows.one(Table::ExecutionTraces)))
        }
        ref other => panic!("no message becomes rows of {other:?}"),
    };
    DashStreamMessage {
        message: Some(message),
    }
}

/// The number behind a name in a column.
fn number(name: &str, name_of: enums::NameOf) -> i32 {
    match name
        .strip_prefix("UNKNOWN(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(number) => number.parse().unwrap(),
        None => (0..100)
            .find(|number| name_of(*number) == name)
            .unwrap_or_else(|| panic!("no number for {name}")),
    }
}

fn text(row: &Row, name: &str) -> String {
    row.text(name).unwrap_or_default()
}

fn bytes(row: &Row, name: &str) -> Vec<u8> {
    row.bytes(name).unwrap_or_default()
}

fn json_field(row: &Row, name: &str) -> Vec<u8> {
    row.text(name)
        .map(String::into_bytes)
        .or_else(|| row.bytes(&format!("{name}_bytes")))
        .unwrap_or_default()
}

fn header(row: &Row) -> Option<Header> {
    Some(Header {
        timestamp_us: row.time("time")?,
        message_id: bytes(row, "message_id"),
        tenant_id: text(row, "tenant_id"),
        thread_id: text(row, "thread_id"),
        sequence: row.uint("sequence").unwrap(),
        r#type: number(&text(row, "header_type"), enums::message_type),
        parent_id: bytes(row, "parent_id"),
        compression: number(&text(row, "header_compression"), enums::compression_type),
        schema_version: row.int("schema_version").unwrap().try_into().unwrap(),
    })
}

fn members(json: Json<'_>) -> Vec<(String, &str)> {
    match json {
        Json::Object(members) => members,
        other => panic!("not an object: {other:?}"),
    }
}

fn items(json: Json<'_>) -> Vec<&str> {
    match json {
        Json::Array(items) => items,
        other => panic!("not an array: {other:?}"),
    }
}

fn string(json: &str) -> String {
    match text::parse(json) {
        Json::String(text) => text,
        other => panic!("not a string: {other:?}"),
    }
}

fn integer<T: std::str::FromStr<Err: std::fmt::Debug>>(json: &str) -> T {
    json.parse().unwrap()
}

/// What `json_or_bytes` wrote.
fn json_bytes(json: &str) -> Vec<u8> {
    text::as_bytes(&text::parse(json)).unwrap_or_else(|| json.as_bytes().to_vec())
}

fn texts(row: &Row, name: &str) -> BTreeMap<String, String> {
    row.text(name).map(|json| texts_of(&json)).unwrap_or_default()
}

fn texts_of(json: &str) -> BTreeMap<String, String> {
    members(text::parse(json))
        .into_iter()
        .map(|(key, value)| (key, string(value)))
        .collect()
}

fn attribute(json: &str) -> AttributeValue {
    let parsed = text::parse(json);
    let value = match (text::as_bytes(&parsed), text::as_float(&parsed)) {
        (Some(bytes), _) => Some(Value::BytesValue(bytes)),
        (None, Some(float)) => Some(Value::FloatValue(float)),
        (None, None) => match parsed {
            Json::Null => None,
            Json::Bool(value) => Some(Value::BoolValue(value)),
            // A float always has a point or an exponent.
            Json::Number(digits) if digits.contains(['.', 'e']) => {
                Some(Value::FloatValue(digits.parse().unwrap()))
            }
            Json::Number(digits) => Some(Value::IntValue(digits.parse().unwrap())),
            Json::String(value) => Some(Value::StringValue(value)),
            Json::Array(items) => Some(Value::ArrayValue(AttributeArray {
                values: items.into_iter().map(attribute).collect(),
            })),
            Json::Object(members) => Some(Value::MapValue(AttributeMap {
                values: members
                    .into_iter()
                    .map(|(key, value)| (key, attribute(value)))
                    .collect(),
            })),
        },
    };
    AttributeValue { value }
}

fn event(row: &Row) -> Event {
    let attributes = row.text("attributes").unwrap_or_else(|| "{}".to_owned());
    Event {
        header: header(row),
        event_type: number(&text(row, "event_type"), enums::event_type),
        node_id: text(row, "node_id"),
        attributes: members(text::parse(&attributes))
            .into_iter()
            .map(|(key, value)| (key, attribute(value)))
            .collect(),
        duration_us: row.int("duration_us").unwrap_or_default(),
        llm_request_id: text(row, "llm_request_id"),
    }
}

fn state_diff(row: &Row) -> StateDiff {
    let operations = row.text("operations").unwrap_or_else(|| "[]".to_owned());
    let operations = items(text::parse(&operations)).into_iter().map(|operation| {
        let mut rebuilt = DiffOperation::default();
        let mut value = None;
        for (key, json) in members(text::parse(operation)) {
            match key.as_str() {
                "op" => {
                    let op = string(json);
                    // Operations of the schema are in lower case, as RFC 6902 has them.
                    let is_unknown = op.starts_with("UNKNOWN(");
                    rebuilt.op = number(&if is_unknown { op } else { op.to_uppercase() }, enums::operation);
                }
                "path" => rebuilt.path = string(json),
                "from" => rebuilt.from = string(json),
                "value" => value = Some(json),
                "encoding" => rebuilt.encoding = number(&string(json), enums::value_encoding),
                other => panic!("unknown member {other}"),
            }
        }
        let needs_value = matches!(rebuilt.op, 0 | 2 | 5);
        rebuilt.value = match value {
            None => Vec::new(),
            Some("null") if needs_value => Vec::new(),
            Some(json) => json_bytes(json),
        };
        rebuilt
    });
    StateDiff {
        operations: operations.collect(),
        header: header(row),
        base_checkpoint_id: bytes(row, "base_checkpoint_id"),
        state_hash: bytes(row, "state_hash"),
        full_state: json_field(row, "full_state"),
    }
}

fn token_chunk(row: &Row) -> TokenChunk {
    let count = |name| row.int(name).map(|count| u32::try_from(count).unwrap());
    TokenChunk {
        header: header(row),
        request_id: text(row, "request_id"),
        text: text(row, "text"),
        token_ids: row.uint32_list("token_ids").unwrap_or_default(),
        logprobs: row.float32_list("logprobs").unwrap_or_default(),
        chunk_index: count("chunk_index").unwrap(),
        is_final: row.bool("is_final").unwrap(),
        finish_reason: number(&text(row, "finish_reason"), enums::finish_reason),
        model: text(row, "model"),
        stats: count("prompt_tokens").map(|prompt_tokens| TokenStats {
            prompt_tokens,
            completion_tokens: count("completion_tokens").unwrap(),
            total_tokens: count("total_tokens").unwrap(),
        }),
    }
}

fn error_of(json: &str) -> Error {
    let mut error = Error::default();
    for (key, value) in members(text::parse(json)) {
        match key.as_str() {
            "error_code" => error.error_code = string(value),
            "message" => error.message = string(value),
            "stack_trace" => error.stack_trace = string(value),
            "exception_type" => error.exception_type = string(value),
            "severity" => error.severity = number(&string(value), enums::severity),
            "context" => error.context = texts_of(value),
            "suggestions" => error.suggestions = items(text::parse(value)).into_iter().map(string).collect(),
            "header" => error.header = Some(header_of(value)),
            other => panic!("unknown member {other}"),
        }
    }
    error
}

fn header_of(json: &str) -> Header {
    let mut header = Header::default();
    for (key, value) in members(text::parse(json)) {
        match key.as_str() {
            "message_id" => header.message_id = json_bytes(value),
            "parent_id" => header.parent_id = json_bytes(value),
            "tenant_id" => header.tenant_id = string(value),
            "thread_id" => header.thread_id = string(value),
            "timestamp_us" => header.timestamp_us = integer(value),
            "sequence" => header.sequence = integer(value),
            "schema_version" => header.schema_version = integer(value),
            "type" => header.r#type = number(&string(value), enums::message_type),
            "compression" => header.compression = number(&string(value), enums::compression_type),
            other => panic!("unknown member {other}"),
        }
    }
    header
}

fn tool_execution(row: &Row) -> ToolExecution {
    ToolExecution {
        header: header(row),
        call_id: text(row, "call_id"),
        tool_name: text(row, "tool_name"),
        stage: number(&text(row, "stage"), enums::execution_stage),
        arguments: json_field(row, "arguments"),
        result: json_field(row, "result"),
        error: text(row, "error"),
        error_details: row.text("error_details").map(|json| error_of(&json)),
        duration_us: row.int("duration_us").unwrap_or_default(),
        retry_count: row.int("retry_count").unwrap().try_into().unwrap(),
    }
}

fn checkpoint(row: &Row) -> Checkpoint {
    Checkpoint {
        header: header(row),
        checkpoint_id: bytes(row, "checkpoint_id"),
        state: json_field(row, "state"),
        state_type: text(row, "state_type"),
        checksum: bytes(row, "checksum"),
        storage_uri: text(row, "storage_uri"),
        compression_info: row.text("state_compression").map(|name| CompressionInfo {
            r#type: number(&name, enums::compression_type),
            compressed_size: row.uint("compressed_bytes").unwrap(),
            uncompressed_size: row.uint("uncompressed_bytes").unwrap(),
            compression_ratio: row.float32("compression_ratio").unwrap(),
        }),
        metadata: texts(row, "metadata"),
    }
}

fn metrics(rows: &[Row]) -> Metrics {
    use metric_value::Value;
    let metrics = rows.iter().filter_map(|row| {
        let name = row.text("name")?;
        let value_text = row.text("value_text");
        let value = row.text("value_kind").map(|kind| match kind.as_str() {
            #[allow(clippy::cast_possible_truncation)]
            "int" => Value::IntValue(value_text.map_or_else(
                || row.float("value").unwrap() as i64,
                |digits| digits.parse().unwrap(),
            )),
            "float" => Value::FloatValue(row.float("value").unwrap()),
            "string" => Value::StringValue(value_text.unwrap()),
            "bool" => Value::BoolValue(row.float("value") == Some(1.0)),
            "bytes" => Value::BytesValue(BASE64.decode(value_text.unwrap()).unwrap()),
            other => panic!("unknown kind {other}"),
        });
        let r#type = number(&text(row, "metric_type"), enums::metric_type);
        Some((
            name,
            MetricValue {
                value,
                unit: text(row, "unit"),
                r#type,
            },
        ))
    });
    let metrics = metrics.collect();
    let row = &rows[0];
    Metrics {
        metrics,
        header: header(row),
        scope: text(row, "scope"),
        scope_id: text(row, "scope_id"),
        tags: texts(row, "tags"),
    }
}

fn error(row: &Row) -> Error {
    let suggestions = row.text("suggestions").unwrap_or_else(|| "[]".to_owned());
    Error {
        header: header(row),
        error_code: text(row, "error_code"),
        message: text(row, "message"),
        stack_trace: text(row, "stack_trace"),
        context: texts(row, "context"),
        severity: number(&text(row, "severity"), enums::severity),
        exception_type: text(row, "exception_type"),
        suggestions: items(text::parse(&suggestions)).into_iter().map(string).collect(),
    }
}

fn node_record(json: &str) -> NodeExecutionRecord {
    let mut node = NodeExecutionRecord::default();
    for (key, value) in members(text::parse(json)) {
        match key.as_str() {
            "node" => node.node = string(value),
            "duration_ms" => node.duration_ms = integer(value),
            "prompt_tokens" => node.prompt_tokens = integer(value),
            "completion_tokens" => node.completion_tokens = integer(value),
            "total_tokens" => node.total_tokens = integer(value),
            "succeeded" => node.succeeded = integer(value),
            "started_at" => node.started_at = string(value),
            "ended_at" => node.ended_at = string(value),
            "input" => node.input = json_bytes(value),
            "output" => node.output = json_bytes(value),
            "metadata" => node.metadata = texts_of(value),
            other => panic!("unknown member {other}"),
        }
    }
    node
}

fn error_record(json: &str) -> ErrorRecord {
    let mut error = ErrorRecord::default();
    for (key, value) in members(text::parse(json)) {
        match key.as_str() {
            "node" => error.node = string(value),
            "message" => error.message = string(value),
            "error_code" => error.error_code = string(value),
            "timestamp" => error.timestamp = string(value),
            "recovered" => error.recovered = integer(value),
            "stack_trace" => error.stack_trace = string(value),
            other => panic!("unknown member {other}"),
        }
    }
    error
}

fn execution_trace(row: &Row) -> ExecutionTrace {
    let nodes = row.text("nodes").unwrap_or_else(|| "[]".to_owned());
    let errors = row.text("errors").unwrap_or_else(|| "[]".to_owned());
    let metadata = row.text("metadata").unwrap_or_else(|| "{}".to_owned());
    ExecutionTrace {
        header: header(row),
        thread_id: text(row, "execution_thread_id"),
        execution_id: text(row, "execution_id"),
        nodes_executed: items(text::parse(&nodes)).into_iter().map(node_record).collect(),
        total_duration_ms: row.uint("total_duration_ms").unwrap(),
        total_tokens: row.uint("total_tokens").unwrap(),
        errors: items(text::parse(&errors))
            .into_iter()
            .map(error_record)
            .collect(),
        completed: row.bool("completed").unwrap(),
        started_at: text(row, "started_at"),
        ended_at: text(row, "ended_at"),
        final_state: json_field(row, "final_state"),
        metadata: members(text::parse(&metadata))
            .into_iter()
            .map(|(key, value)| (key, json_bytes(value)))
            .collect(),
    }
}
