//! What columns have to hold for a message that prost decoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use quipu_proto::message::attribute_value::Value;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::diff_operation::OpType;
use quipu_proto::message::{
    AttributeValue, Checkpoint, CompressionType, DashStreamMessage, Error, Event, ExecutionTrace, Header,
    Metrics, StateDiff, TokenChunk, ToolExecution, metric_value,
};
use quipu_proto::{Table, enums};
use sha2::{Digest, Sha256};

use super::{NUMBERED, Row, Rows, text};

/// Compares every column of every row.
pub fn assert_rows(message: &DashStreamMessage, rows: &Rows) {
    for (_, batch) in rows.batches() {
        for row in rows_of(rows, batch) {
            assert_eq!(row.text("topic").as_deref(), Some("topic"));
            assert_eq!(row.text("incarnation").as_deref(), Some("unknown"));
            assert_eq!(row.int32("partition"), Some(3));
            assert_eq!(row.time("kafka_time"), Some(1_000));
            assert_eq!(row.bytes("key").as_deref(), Some(&b"key"[..]));
            assert!(row.is_null("headers"));
            assert_eq!(
                row.text("sequence_verdict").as_deref(),
                Some(NUMBERED.verdict.as_str())
            );
            assert_eq!(row.bool("repeated"), Some(NUMBERED.repeated));
        }
    }
    let table = match message.message.as_ref().expect("a message of a known type") {
        Message::Event(event) => {
            let row = rows.one(Table::Events);
            assert!(row.is_null("batch_id"));
            assert_item(&row, 0);
            assert_event(event, &row);
            Table::Events
        }
        Message::EventBatch(batch) => {
            let row = rows.one(Table::EventBatches);
            assert_header(batch.header.as_ref(), &row);
            assert_item(&row, 0);
            assert_eq!(row.int("event_count"), i64::try_from(batch.events.len()).ok());
            let events = rows.of(Table::Events);
            assert_eq!(events.len(), batch.events.len(), "rows of events");
            for (index, (event, row)) in batch.events.iter().zip(&events).enumerate() {
                assert_item(row, index);
                let batch_id = batch
                    .header
                    .as_ref()
                    .map(|header| header.message_id.clone())
                    .unwrap_or_default();
                assert_bytes(row, "batch_id", &batch_id);
                assert_event(event, row);
            }
            if !events.is_empty() {
                assert_eq!(rows.tables(), [Table::Events, Table::EventBatches]);
                return;
            }
            Table::EventBatches
        }
        Message::StateDiff(diff) => assert_state_diff(diff, &rows.one(Table::StateDiffs)),
        Message::TokenChunk(chunk) => assert_token_chunk(chunk, &rows.one(Table::TokenChunks)),
        Message::ToolExecution(execution) => {
            assert_tool_execution(execution, &rows.one(Table::ToolExecutions))
        }
        Message::Checkpoint(checkpoint) => assert_checkpoint(checkpoint, &rows.one(Table::Checkpoints)),
        Message::Metrics(metrics) => assert_metrics(metrics, &rows.of(Table::Metrics)),
        Message::Error(error) => assert_error(error, &rows.one(Table::Errors)),
        Message::ExecutionTrace(trace) => assert_execution_trace(trace, &rows.one(Table::ExecutionTraces)),
    };
    assert_eq!(rows.tables(), [table]);
}

fn rows_of(rows: &Rows, batch: &arrow_array::RecordBatch) -> Vec<Row> {
    let table = rows
        .batches()
        .iter()
        .find(|(_, other)| std::ptr::eq(other, batch))
        .unwrap()
        .0;
    rows.of(table)
}

fn assert_item(row: &Row, item: usize) {
    assert_eq!(row.int32("item"), i32::try_from(item).ok(), "item");
}

/// The wire cannot tell empty text from absent text: null.
fn assert_text(row: &Row, name: &str, value: &str) {
    assert_eq!(
        row.text(name).as_deref(),
        (!value.is_empty()).then_some(value),
        "{name}"
    );
}

fn assert_json(row: &Row, name: &str, value: Option<String>) {
    if let Some(value) = &value {
        assert!(text::is_json(value.as_bytes()), "{name} is not JSON: {value}");
    }
    assert_eq!(row.text(name), value, "{name}");
}

fn assert_bytes(row: &Row, name: &str, value: &[u8]) {
    assert_eq!(
        row.bytes(name).as_deref(),
        (!value.is_empty()).then_some(value),
        "{name}"
    );
}

/// A bytes field that should hold JSON: in one of two columns.
fn assert_json_field(row: &Row, name: &str, value: &[u8]) {
    let bytes_name = format!("{name}_bytes");
    if value.is_empty() {
        assert!(row.is_null(name) && row.is_null(&bytes_name), "{name}");
    } else if text::is_json(value) {
        assert_eq!(
            row.text(name).map(String::into_bytes).as_deref(),
            Some(value),
            "{name}"
        );
        assert!(row.is_null(&bytes_name), "{bytes_name}");
    } else {
        assert!(row.is_null(name), "{name}");
        assert_eq!(row.bytes(&bytes_name).as_deref(), Some(value), "{bytes_name}");
    }
}

fn assert_duration(row: &Row, value: i64) {
    assert_eq!(
        row.int("duration_us"),
        (value != 0).then_some(value),
        "duration_us"
    );
}

fn assert_header(header: Option<&Header>, row: &Row) {
    assert_eq!(row.time("time"), header.map(|header| header.timestamp_us), "time");
    let header = header.cloned().unwrap_or_default();
    assert_bytes(row, "message_id", &header.message_id);
    assert_eq!(row.text("tenant_id"), Some(header.tenant_id), "tenant_id");
    assert_eq!(row.text("thread_id"), Some(header.thread_id), "thread_id");
    assert_eq!(row.uint("sequence"), Some(header.sequence), "sequence");
    assert_bytes(row, "parent_id", &header.parent_id);
    assert_eq!(
        row.int("schema_version"),
        Some(i64::from(header.schema_version)),
        "schema_version"
    );
    assert_eq!(
        row.text("header_type").unwrap(),
        enums::message_type(header.r#type),
        "header_type"
    );
    assert_eq!(
        row.text("header_compression").unwrap(),
        enums::compression_type(header.compression),
        "header_compression"
    );
}

fn texts_object<'a>(map: impl IntoIterator<Item = (&'a String, &'a String)>) -> Option<String> {
    let members: Vec<_> = map
        .into_iter()
        .map(|(key, value)| (key, text::string(value)))
        .collect();
    (!members.is_empty()).then(|| text::object(members))
}

/// An attribute value as JSON.
pub fn attribute(value: &AttributeValue) -> String {
    match &value.value {
        None => "null".to_owned(),
        Some(Value::StringValue(value)) => text::string(value),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::FloatValue(value)) => text::float(*value),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::BytesValue(value)) => text::bytes(value),
        Some(Value::ArrayValue(array)) => text::array(array.values.iter().map(attribute)),
        Some(Value::MapValue(map)) => {
            text::object(map.values.iter().map(|(key, value)| (key, attribute(value))))
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn assert_event(event: &Event, row: &Row) {
    assert_header(event.header.as_ref(), row);
    assert_eq!(
        row.text("event_type").unwrap(),
        enums::event_type(event.event_type)
    );
    assert_text(row, "node_id", &event.node_id);
    assert_duration(row, event.duration_us);
    assert_text(row, "llm_request_id", &event.llm_request_id);
    let attributes = event
        .attributes
        .iter()
        .map(|(key, value)| (key, attribute(value)));
    assert_json(
        row,
        "attributes",
        (!event.attributes.is_empty()).then(|| text::object(attributes)),
    );
    let value = |name: &str| event.attributes.get(name).and_then(|value| value.value.clone());
    for name in ["graph_name", "model", "tool_name", "error"] {
        let expected = match value(name) {
            Some(Value::StringValue(text)) => Some(text),
            _ => None,
        };
        assert_eq!(row.text(name), expected, "{name}");
    }
    for name in ["input_tokens", "output_tokens"] {
        let expected = match value(name) {
            Some(Value::IntValue(int)) => Some(int),
            Some(Value::FloatValue(float)) if float.fract() == 0.0 && float.abs() <= 2_f64.powi(53) => {
                Some(float as i64)
            }
            _ => None,
        };
        assert_eq!(row.int(name), expected, "{name}");
    }
    let expected = match value("cost_usd") {
        Some(Value::IntValue(int)) => Some(int as f64),
        Some(Value::FloatValue(float)) => Some(float),
        _ => None,
    };
    assert_eq!(
        row.float("cost_usd").map(f64::to_bits),
        expected.map(f64::to_bits),
        "cost_usd"
    );
}

fn assert_state_diff(diff: &StateDiff, row: &Row) -> Table {
    assert_header(diff.header.as_ref(), row);
    assert_bytes(row, "base_checkpoint_id", &diff.base_checkpoint_id);
    assert_eq!(
        row.int("operation_count"),
        i64::try_from(diff.operations.len()).ok()
    );
    assert_bytes(row, "state_hash", &diff.state_hash);
    assert_json_field(row, "full_state", &diff.full_state);
    let operations = diff.operations.iter().map(|operation| {
        let known = OpType::try_from(operation.op);
        let op = match known {
            Ok(OpType::Add) => "add".to_owned(),
            Ok(OpType::Remove) => "remove".to_owned(),
            Ok(OpType::Replace) => "replace".to_owned(),
            Ok(OpType::Move) => "move".to_owned(),
            Ok(OpType::Copy) => "copy".to_owned(),
            Ok(OpType::Test) => "test".to_owned(),
            Err(_) => format!("UNKNOWN({})", operation.op),
        };
        let mut members = vec![("op", text::string(&op)), ("path", text::string(&operation.path))];
        // RFC 6902 demands `from` of move and copy, `value` of add, replace and test.
        if !operation.from.is_empty() || matches!(known, Ok(OpType::Move | OpType::Copy)) {
            members.push(("from", text::string(&operation.from)));
        }
        let is_json = operation.encoding == 0;
        if !operation.value.is_empty() {
            let value = if is_json {
                text::json_or_bytes(&operation.value)
            } else {
                text::bytes(&operation.value)
            };
            members.push(("value", value));
        } else if matches!(known, Ok(OpType::Add | OpType::Replace | OpType::Test)) {
            members.push(("value", "null".to_owned()));
        }
        if !is_json {
            members.push((
                "encoding",
                text::string(&enums::value_encoding(operation.encoding)),
            ));
        }
        text::object(members)
    });
    assert_json(
        row,
        "operations",
        (!diff.operations.is_empty()).then(|| text::array(operations)),
    );
    Table::StateDiffs
}

fn assert_token_chunk(chunk: &TokenChunk, row: &Row) -> Table {
    assert_header(chunk.header.as_ref(), row);
    assert_text(row, "request_id", &chunk.request_id);
    assert_text(row, "text", &chunk.text);
    assert_eq!(row.int("chunk_index"), Some(i64::from(chunk.chunk_index)));
    assert_eq!(row.bool("is_final"), Some(chunk.is_final));
    assert_eq!(
        row.text("finish_reason").unwrap(),
        enums::finish_reason(chunk.finish_reason)
    );
    assert_text(row, "model", &chunk.model);
    assert_eq!(
        row.int("prompt_tokens"),
        chunk.stats.as_ref().map(|stats| stats.prompt_tokens.into())
    );
    assert_eq!(
        row.int("completion_tokens"),
        chunk.stats.as_ref().map(|stats| stats.completion_tokens.into())
    );
    assert_eq!(
        row.int("total_tokens"),
        chunk.stats.as_ref().map(|stats| stats.total_tokens.into())
    );
    assert_eq!(row.uint32_list("token_ids").unwrap_or_default(), chunk.token_ids);
    assert_eq!(row.is_null("token_ids"), chunk.token_ids.is_empty());
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(
        bits(&row.float32_list("logprobs").unwrap_or_default()),
        bits(&chunk.logprobs)
    );
    assert_eq!(row.is_null("logprobs"), chunk.logprobs.is_empty());
    Table::TokenChunks
}

fn header_json(header: &Header) -> String {
    let mut members = Vec::new();
    for (key, value) in [
        ("message_id", &header.message_id),
        ("parent_id", &header.parent_id),
    ] {
        if !value.is_empty() {
            members.push((key, text::bytes(value)));
        }
    }
    for (key, value) in [("tenant_id", &header.tenant_id), ("thread_id", &header.thread_id)] {
        if !value.is_empty() {
            members.push((key, text::string(value)));
        }
    }
    if header.timestamp_us != 0 {
        members.push(("timestamp_us", header.timestamp_us.to_string()));
    }
    if header.sequence != 0 {
        members.push(("sequence", header.sequence.to_string()));
    }
    if header.schema_version != 0 {
        members.push(("schema_version", header.schema_version.to_string()));
    }
    if header.r#type != 0 {
        members.push(("type", text::string(&enums::message_type(header.r#type))));
    }
    if header.compression != 0 {
        members.push((
            "compression",
            text::string(&enums::compression_type(header.compression)),
        ));
    }
    text::object(members)
}

fn suggestions(error: &Error) -> Option<String> {
    (!error.suggestions.is_empty())
        .then(|| text::array(error.suggestions.iter().map(|text| text::string(text))))
}

fn error_json(error: &Error) -> String {
    let mut members = Vec::new();
    let texts = [
        ("error_code", &error.error_code),
        ("message", &error.message),
        ("stack_trace", &error.stack_trace),
        ("exception_type", &error.exception_type),
    ];
    for (key, value) in texts {
        if !value.is_empty() {
            members.push((key, text::string(value)));
        }
    }
    if error.severity != 0 {
        members.push(("severity", text::string(&enums::severity(error.severity))));
    }
    members.extend(texts_object(&error.context).map(|context| ("context", context)));
    members.extend(suggestions(error).map(|suggestions| ("suggestions", suggestions)));
    members.extend(
        error
            .header
            .as_ref()
            .map(|header| ("header", header_json(header))),
    );
    text::object(members)
}

fn assert_tool_execution(execution: &ToolExecution, row: &Row) -> Table {
    assert_header(execution.header.as_ref(), row);
    assert_text(row, "call_id", &execution.call_id);
    assert_text(row, "tool_name", &execution.tool_name);
    assert_eq!(
        row.text("stage").unwrap(),
        enums::execution_stage(execution.stage)
    );
    assert_json_field(row, "arguments", &execution.arguments);
    assert_json_field(row, "result", &execution.result);
    assert_text(row, "error", &execution.error);
    let details = execution.error_details.as_ref();
    assert_text(
        row,
        "error_code",
        details.map_or("", |details| &details.error_code),
    );
    assert_json(row, "error_details", details.map(error_json));
    assert_duration(row, execution.duration_us);
    assert_eq!(row.int("retry_count"), Some(i64::from(execution.retry_count)));
    Table::ToolExecutions
}

/// The state of a checkpoint, decompressed; `None` if that cannot be done.
pub fn plain_state(checkpoint: &Checkpoint) -> Option<Vec<u8>> {
    match CompressionType::try_from(checkpoint.compression_info.as_ref().map_or(0, |info| info.r#type)) {
        Ok(CompressionType::CompressionNone) => Some(checkpoint.state.clone()),
        Ok(CompressionType::CompressionZstd) => zstd::decode_all(&*checkpoint.state).ok(),
        Ok(CompressionType::CompressionLz4 | CompressionType::CompressionSnappy) | Err(_) => None,
    }
}

fn assert_checkpoint(checkpoint: &Checkpoint, row: &Row) -> Table {
    assert_header(checkpoint.header.as_ref(), row);
    assert_bytes(row, "checkpoint_id", &checkpoint.checkpoint_id);
    assert_text(row, "state_type", &checkpoint.state_type);
    assert_bytes(row, "checksum", &checkpoint.checksum);
    assert_text(row, "storage_uri", &checkpoint.storage_uri);
    let info = checkpoint.compression_info.as_ref();
    assert_eq!(
        row.text("state_compression"),
        info.map(|info| enums::compression_type(info.r#type).into_owned()),
        "state_compression"
    );
    assert_eq!(
        row.uint("compressed_bytes"),
        info.map(|info| info.compressed_size)
    );
    assert_eq!(
        row.uint("uncompressed_bytes"),
        info.map(|info| info.uncompressed_size)
    );
    assert_eq!(
        row.float32("compression_ratio").map(f32::to_bits),
        info.map(|info| info.compression_ratio.to_bits())
    );
    assert_json(row, "metadata", texts_object(&checkpoint.metadata));
    let plain = plain_state(checkpoint);
    let is_empty = checkpoint.state.is_empty();
    match &plain {
        Some(plain) if !is_empty && text::is_json(plain) => {
            assert_eq!(
                row.text("state").map(String::into_bytes).as_ref(),
                Some(plain),
                "state"
            );
            assert!(row.is_null("state_bytes"), "state_bytes");
        }
        _ => {
            assert!(row.is_null("state"), "state");
            assert_bytes(row, "state_bytes", &checkpoint.state);
        }
    }
    let checksum_ok = match &plain {
        Some(plain) if !is_empty && !checkpoint.checksum.is_empty() => {
            Some(Sha256::digest(plain).as_slice() == checkpoint.checksum)
        }
        _ => None,
    };
    assert_eq!(row.bool("checksum_ok"), checksum_ok, "checksum_ok");
    Table::Checkpoints
}

#[allow(clippy::cast_precision_loss)]
fn assert_metrics(metrics: &Metrics, rows: &[Row]) -> Table {
    for row in rows {
        assert_header(metrics.header.as_ref(), row);
        assert_text(row, "scope", &metrics.scope);
        assert_text(row, "scope_id", &metrics.scope_id);
        assert_json(row, "tags", texts_object(&metrics.tags));
    }
    if metrics.metrics.is_empty() {
        assert_eq!(rows.len(), 1);
        assert_item(&rows[0], 0);
        for name in ["name", "value", "value_text", "value_kind", "unit", "metric_type"] {
            assert!(rows[0].is_null(name), "{name}");
        }
        return Table::Metrics;
    }
    assert_eq!(rows.len(), metrics.metrics.len(), "rows of metrics");
    assert!(
        rows.is_sorted_by(|a, b| a.int32("item") < b.int32("item")),
        "items ascend"
    );
    for row in rows {
        let name = row.text("name").unwrap();
        let metric = metrics
            .metrics
            .get(&name)
            .unwrap_or_else(|| panic!("no metric {name}"));
        use metric_value::Value;
        let (kind, value, value_text) = match &metric.value {
            None => (None, None, None),
            Some(Value::IntValue(int)) => {
                // A double holds integers up to 2^53 exactly.
                (
                    Some("int"),
                    Some(*int as f64),
                    (int.unsigned_abs() > 1 << 53).then(|| int.to_string()),
                )
            }
            Some(Value::FloatValue(float)) => (Some("float"), Some(*float), None),
            Some(Value::StringValue(text)) => (Some("string"), None, Some(text.clone())),
            Some(Value::BoolValue(flag)) => (
                Some("bool"),
                Some(if *flag { 1.0 } else { 0.0 }),
                Some(flag.to_string()),
            ),
            Some(Value::BytesValue(bytes)) => (Some("bytes"), None, Some(BASE64.encode(bytes))),
        };
        assert_eq!(row.text("value_kind").as_deref(), kind, "value_kind");
        assert_eq!(
            row.float("value").map(f64::to_bits),
            value.map(f64::to_bits),
            "value"
        );
        assert_eq!(row.text("value_text"), value_text, "value_text");
        assert_text(row, "unit", &metric.unit);
        assert_eq!(
            row.text("metric_type").unwrap(),
            enums::metric_type(metric.r#type)
        );
    }
    Table::Metrics
}

fn assert_error(error: &Error, row: &Row) -> Table {
    assert_header(error.header.as_ref(), row);
    assert_text(row, "error_code", &error.error_code);
    assert_text(row, "message", &error.message);
    assert_text(row, "stack_trace", &error.stack_trace);
    assert_json(row, "context", texts_object(&error.context));
    assert_eq!(row.text("severity").unwrap(), enums::severity(error.severity));
    assert_text(row, "exception_type", &error.exception_type);
    assert_json(row, "suggestions", suggestions(error));
    Table::Errors
}

fn assert_execution_trace(trace: &ExecutionTrace, row: &Row) -> Table {
    assert_header(trace.header.as_ref(), row);
    assert_text(row, "execution_thread_id", &trace.thread_id);
    assert_text(row, "execution_id", &trace.execution_id);
    assert_eq!(row.bool("completed"), Some(trace.completed));
    assert_eq!(row.uint("total_duration_ms"), Some(trace.total_duration_ms));
    assert_eq!(row.uint("total_tokens"), Some(trace.total_tokens));
    assert_text(row, "started_at", &trace.started_at);
    assert_text(row, "ended_at", &trace.ended_at);
    assert_json_field(row, "final_state", &trace.final_state);
    let nodes = trace.nodes_executed.iter().map(|node| {
        let mut members = Vec::new();
        let text_member = |members: &mut Vec<_>, key, value: &str| {
            if !value.is_empty() {
                members.push((key, text::string(value)));
            }
        };
        text_member(&mut members, "node", &node.node);
        members.push(("duration_ms", node.duration_ms.to_string()));
        members.push(("prompt_tokens", node.prompt_tokens.to_string()));
        members.push(("completion_tokens", node.completion_tokens.to_string()));
        members.push(("total_tokens", node.total_tokens.to_string()));
        members.push(("succeeded", node.succeeded.to_string()));
        text_member(&mut members, "started_at", &node.started_at);
        text_member(&mut members, "ended_at", &node.ended_at);
        for (key, value) in [("input", &node.input), ("output", &node.output)] {
            if !value.is_empty() {
                members.push((key, text::json_or_bytes(value)));
            }
        }
        members.extend(texts_object(&node.metadata).map(|metadata| ("metadata", metadata)));
        text::object(members)
    });
    assert_json(
        row,
        "nodes",
        (!trace.nodes_executed.is_empty()).then(|| text::array(nodes)),
    );
    let errors = trace.errors.iter().map(|error| {
        let texts = [
            ("node", &error.node),
            ("message", &error.message),
            ("error_code", &error.error_code),
            ("timestamp", &error.timestamp),
        ];
        let mut members: Vec<_> = texts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key, text::string(value)))
            .collect();
        members.push(("recovered", error.recovered.to_string()));
        if !error.stack_trace.is_empty() {
            members.push(("stack_trace", text::string(&error.stack_trace)));
        }
        text::object(members)
    });
    assert_json(
        row,
        "errors",
        (!trace.errors.is_empty()).then(|| text::array(errors)),
    );
    let metadata = trace
        .metadata
        .iter()
        .map(|(key, value)| (key, text::json_or_bytes(value)));
    assert_json(
        row,
        "metadata",
        (!trace.metadata.is_empty()).then(|| text::object(metadata)),
    );
    Table::ExecutionTraces
}
