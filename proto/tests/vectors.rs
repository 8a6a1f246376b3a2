//! The vectors: 58 single payloads with the values that the reference programs print for them.
//!
//! What the reference prints and what columns hold differ in presentation. Each difference is a rule of its own
//! below; no field is left out.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{Row, Rows, decode, fixture, hex, unhex};
use quipu_proto::message::DashStreamMessage;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::{Policy, Reason, Table};
use serde_json::{Value, json};

fn vectors() -> Vec<Value> {
    serde_json::from_slice(&fixture("vectors.json")).unwrap()
}

/// `parse_events` prints 16 bytes as a UUID, other lengths as hexadecimal.
fn uuid_text(bytes: &[u8]) -> String {
    let hex = hex(bytes);
    if bytes.len() != 16 {
        return hex;
    }
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn text(row: &Row, name: &str) -> Value {
    row.text(name).map_or(Value::Null, Value::String)
}

/// Texts that the reference prints as `""` when empty; columns hold null, as the wire cannot tell.
fn empty_text(row: &Row, name: &str) -> Value {
    Value::String(row.text(name).unwrap_or_default())
}

fn hex_or_null(row: &Row, name: &str) -> Value {
    row.bytes(name)
        .map_or(Value::Null, |bytes| Value::String(hex(&bytes)))
}

fn json_or_null(row: &Row, name: &str) -> Value {
    row.text(name)
        .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

/// Durations are null in the reference unless positive; columns keep negative ones, so that nothing is lost.
fn durations(row: &Row) -> (Value, Value) {
    match row.int("duration_us") {
        #[allow(clippy::cast_precision_loss)]
        Some(us) if us > 0 => (json!(us), json!(us as f64 / 1_000.0)),
        _ => (Value::Null, Value::Null),
    }
}

/// Numbers that a reference program knows no name for are `UNKNOWN(n)` there. It lacks these; columns have names.
fn event_type(row: &Row) -> Value {
    let name = row.text("event_type").unwrap();
    let unnamed = match name.as_str() {
        "UNSPECIFIED" => "UNKNOWN(0)",
        "NODE_PROGRESS" => "UNKNOWN(80)",
        "NODE_THINKING" => "UNKNOWN(81)",
        "NODE_SUBSTEP" => "UNKNOWN(82)",
        "NODE_WARNING" => "UNKNOWN(83)",
        "OPTIMIZATION_START" => "UNKNOWN(90)",
        "OPTIMIZATION_END" => "UNKNOWN(91)",
        known => known,
    };
    json!(unnamed)
}

fn header_type(row: &Row) -> Value {
    let name = row.text("header_type").unwrap();
    let unnamed = match name.as_str() {
        "UNSPECIFIED" => "UNKNOWN(0)",
        "EXECUTION_TRACE" => "UNKNOWN(9)",
        known => known,
    };
    json!(unnamed)
}

/// The reference has one word for the unspecified and for every unknown number of these two enums.
fn stage_or_severity(row: &Row, name: &str) -> Value {
    let value = row.text(name).unwrap();
    json!(if value == "UNSPECIFIED" || value.starts_with("UNKNOWN(") {
        "UNKNOWN"
    } else {
        &value
    })
}

/// Bytes among attributes are text there when they are UTF-8, else hexadecimal, and here `{"$bytes": base64}`;
/// non-finite numbers are null there and `{"$float": text}` here.
fn as_reference(value: Value) -> Value {
    use base64::Engine as _;
    match value {
        Value::Object(object) if object.len() == 1 && object.contains_key("$bytes") => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(object["$bytes"].as_str().unwrap())
                .unwrap();
            Value::String(String::from_utf8(bytes).unwrap_or_else(|error| hex(error.as_bytes())))
        }
        Value::Object(object) if object.len() == 1 && object.contains_key("$float") => Value::Null,
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| (key, as_reference(value)))
            .collect(),
        Value::Array(array) => array.into_iter().map(as_reference).collect(),
        other => other,
    }
}

/// A bytes field that should hold JSON: the value there, or hexadecimal if it is not JSON.
fn json_field(row: &Row, name: &str) -> Value {
    match row.bytes(&format!("{name}_bytes")) {
        Some(bytes) => Value::String(hex(&bytes)),
        None => json_or_null(row, name),
    }
}

/// The text of the reference for a time: chrono's RFC 3339 with as many digits of the second as it needs, in groups
/// of three. Computed here with the calendar of Howard Hinnant's `civil_from_days`.
fn time_iso(us: i64) -> String {
    let (days, in_day) = (us.div_euclid(86_400_000_000), us.rem_euclid(86_400_000_000));
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Beyond what chrono can represent.
    if !(-262_143..=262_142).contains(&year) {
        return "invalid".to_owned();
    }
    let (seconds, us) = (in_day / 1_000_000, in_day % 1_000_000);
    let fraction = match us {
        0 => String::new(),
        _ if us % 1_000 == 0 => format!(".{:03}", us / 1_000),
        _ => format!(".{us:06}"),
    };
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00")
}

fn header(row: &Row) -> Value {
    // A message without header has no time; one with a header always has, if only 0.
    let Some(time) = row.time("time") else {
        return Value::Null;
    };
    json!({
        "message_id": uuid_text(&row.bytes("message_id").unwrap_or_default()),
        "timestamp_us": time,
        "timestamp_iso": time_iso(time),
        "tenant_id": row.text("tenant_id"),
        "thread_id": row.text("thread_id"),
        "sequence": row.uint("sequence"),
        "type": header_type(row),
        "parent_id": hex_or_null(row, "parent_id"),
        "schema_version": row.int("schema_version"),
    })
}

/// The document that `parse_events` prints, made from the rows of one record.
fn document(rows: &Rows) -> Value {
    let table = rows.tables()[0];
    match table {
        Table::Events if rows.tables().len() == 1 => {
            let row = rows.one(table);
            let (duration_us, duration_ms) = durations(&row);
            json!({
                "type": "Event", "header": header(&row), "event_type": event_type(&row),
                "node_id": text(&row, "node_id"), "attributes": as_reference(json_or_null(&row, "attributes")),
                "duration_us": duration_us, "duration_ms": duration_ms, "llm_request_id": text(&row, "llm_request_id"),
            })
        }
        Table::Events | Table::EventBatches => {
            let row = rows.one(Table::EventBatches);
            json!({ "type": "EventBatch", "header": header(&row), "event_count": row.int("event_count") })
        }
        Table::TokenChunks => {
            let row = rows.one(table);
            let stats = row.int("prompt_tokens").map(|prompt_tokens| {
                json!({
                    "prompt_tokens": prompt_tokens,
                    "completion_tokens": row.int("completion_tokens"),
                    "total_tokens": row.int("total_tokens"),
                })
            });
            json!({
                "type": "TokenChunk", "header": header(&row), "request_id": empty_text(&row, "request_id"),
                "text": empty_text(&row, "text"), "chunk_index": row.int("chunk_index"),
                "is_final": row.bool("is_final"), "model": text(&row, "model"), "stats": stats,
            })
        }
        Table::StateDiffs => {
            let row = rows.one(table);
            json!({
                "type": "StateDiff", "header": header(&row),
                "base_checkpoint_id": hex_or_null(&row, "base_checkpoint_id"),
                "operations_count": row.int("operation_count"), "state_hash": hex_or_null(&row, "state_hash"),
            })
        }
        Table::ToolExecutions => {
            let row = rows.one(table);
            let (duration_us, duration_ms) = durations(&row);
            json!({
                "type": "ToolExecution", "header": header(&row), "call_id": empty_text(&row, "call_id"),
                "tool_name": empty_text(&row, "tool_name"), "stage": stage_or_severity(&row, "stage"),
                "arguments": json_field(&row, "arguments"), "result": json_field(&row, "result"),
                "error": text(&row, "error"), "duration_us": duration_us, "duration_ms": duration_ms,
                "retry_count": row.int("retry_count"),
            })
        }
        Table::Checkpoints => {
            let row = rows.one(table);
            // The reference counts the bytes that were sent; the column says so when they were compressed.
            let state_bytes = row
                .text("state")
                .map(|state| state.len() as u64)
                .or_else(|| row.bytes("state_bytes").map(|state| state.len() as u64))
                .unwrap_or_default();
            let sent = match row.text("state_compression").as_deref() {
                Some("ZSTD") => row.uint("compressed_bytes").unwrap(),
                _ => state_bytes,
            };
            json!({
                "type": "Checkpoint", "header": header(&row),
                "checkpoint_id": hex(&row.bytes("checkpoint_id").unwrap_or_default()),
                "state_size_bytes": sent, "state_type": empty_text(&row, "state_type"),
            })
        }
        Table::Metrics => {
            let all = rows.of(table);
            let metrics: serde_json::Map<_, _> = all
                .iter()
                .filter_map(|row| Some((row.text("name")?, metric(row))))
                .collect();
            let row = &all[0];
            json!({
                "type": "Metrics", "header": header(row), "scope": empty_text(row, "scope"),
                "scope_id": empty_text(row, "scope_id"), "metrics": metrics, "tags": json_or_null(row, "tags"),
            })
        }
        Table::Errors => {
            let row = rows.one(table);
            json!({
                "type": "Error", "header": header(&row), "error_code": empty_text(&row, "error_code"),
                "message": empty_text(&row, "message"), "severity": stage_or_severity(&row, "severity"),
                "exception_type": text(&row, "exception_type"), "context": json_or_null(&row, "context"),
                "suggestions": json_or_null(&row, "suggestions"),
            })
        }
        Table::ExecutionTraces => {
            let row = rows.one(table);
            let count = |name| json_or_null(&row, name).as_array().map_or(0, Vec::len);
            json!({
                "type": "ExecutionTrace", "header": header(&row), "thread_id": empty_text(&row, "execution_thread_id"),
                "execution_id": empty_text(&row, "execution_id"), "nodes_count": count("nodes"),
                "total_duration_ms": row.uint("total_duration_ms"), "total_tokens": row.uint("total_tokens"),
                "errors_count": count("errors"), "completed": row.bool("completed"),
            })
        }
        other => panic!("no message becomes a row of {other}"),
    }
}

/// The value of a metric as the reference prints it: bytes as hexadecimal, non-finite numbers as null.
fn metric(row: &Row) -> Value {
    use base64::Engine as _;
    let text = row.text("value_text");
    match row.text("value_kind").as_deref() {
        None => Value::Null,
        #[allow(clippy::cast_possible_truncation)]
        Some("int") => json!(text.map_or_else(
            || row.float("value").unwrap() as i64,
            |text| text.parse().unwrap()
        )),
        Some("float") => json!(row.float("value")),
        Some("string") => json!(text),
        Some("bool") => json!(row.float("value") == Some(1.0)),
        Some("bytes") => {
            json!(hex(&base64::engine::general_purpose::STANDARD
                .decode(text.unwrap())
                .unwrap()))
        }
        Some(other) => panic!("kind {other}"),
    }
}

/// The reason for a refusal that the reference words so.
fn reason(vector: &str, reference: &str) -> Reason {
    match (vector, reference) {
        // 02 is our marker for LZ4, which the reference does not have: what follows is not LZ4.
        ("reject_unknown_header_byte", _) => Reason::Decompression,
        (_, "IO error: Empty message payload") => Reason::Empty,
        // The reference finds no header in an envelope without message; here that is a reason of its own.
        ("reject_header_byte_only" | "reject_zstd_header_only" | "reject_future_message_type", _) => {
            Reason::NoKnownMessage
        }
        (_, text) if text.contains("missing required header") => Reason::MissingHeader,
        (_, text) if text.contains("Schema version mismatch") => Reason::SchemaVersion,
        (_, text) if text.contains("Invalid compression header byte") => Reason::UnknownMarker,
        (_, text) if text.starts_with("Decompression error") => Reason::Decompression,
        (_, text) if text.starts_with("Protobuf decoding error") => Reason::Protobuf,
        (_, text) => panic!("no reason for {text:?}"),
    }
}

/// Floats are printed by the reference from the double; 9223372036854776.0 and the like compare as numbers.
fn assert_document(name: &str, policy: Policy, rows: &Rows, expected: &Value) {
    let document = document(rows);
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(document.get(field), Some(value), "{name} under {policy}: {field}");
    }
    assert_eq!(
        document.as_object().unwrap().len(),
        expected.as_object().unwrap().len(),
        "{name} under {policy}: fields of {document}"
    );
}

#[test]
fn there_are_58_vectors_of_which_the_default_policy_of_the_reference_accepts_44() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 58);
    assert_eq!(
        vectors
            .iter()
            .filter(|vector| vector.get("expected").is_some())
            .count(),
        44
    );
}

#[test]
fn columns_hold_what_the_reference_prints_or_the_record_is_refused_for_the_same_reason() {
    for vector in vectors() {
        let name = vector["name"].as_str().unwrap();
        let value = unhex(vector["hex"].as_str().unwrap());
        for policy in Policy::ALL {
            // What the strict reader accepts, all accept.
            let outcome = match policy {
                Policy::Strict => &vector,
                Policy::Compatible => vector.get("compatible").unwrap_or(&vector),
                Policy::Forward => vector.get("compatible_forward").unwrap_or(&vector),
            };
            let decoded = decode(policy, &value);
            match outcome.get("expected") {
                // The reference hands on an empty envelope; it has no row to become here.
                Some(expected) if expected["type"] == "Empty" => {
                    assert_eq!(
                        decoded.err().map(|rejection| rejection.reason),
                        Some(Reason::NoKnownMessage),
                        "{name}"
                    );
                }
                Some(expected) => {
                    let rows = decoded.unwrap_or_else(|error| panic!("{name} under {policy}: {error}"));
                    assert_document(name, policy, &rows, expected);
                }
                None => {
                    let reference = outcome["rejected"].as_str().unwrap();
                    let rejection = decoded
                        .err()
                        .unwrap_or_else(|| panic!("{name} under {policy} was accepted"));
                    assert_eq!(
                        rejection.reason,
                        reason(name, reference),
                        "{name} under {policy}: {rejection}"
                    );
                }
            }
        }
    }
}

#[test]
fn accepted_vectors_hold_what_prost_decodes() {
    for vector in vectors() {
        let value = unhex(vector["hex"].as_str().unwrap());
        let Ok(rows) = decode(Policy::Forward, &value) else {
            continue;
        };
        let message = common::raw::prost_decode(&value);
        common::expected::assert_rows(&message, &rows);
    }
}

#[test]
fn events_of_a_batch_are_rows_of_events_in_the_order_of_the_wire() {
    let mut batches = 0;
    for vector in vectors() {
        let value = unhex(vector["hex"].as_str().unwrap());
        let Some(count) = vector["expected"]["event_count"].as_i64() else {
            continue;
        };
        let rows = decode(Policy::Strict, &value).unwrap();
        let DashStreamMessage {
            message: Some(Message::EventBatch(batch)),
        } = common::raw::prost_decode(&value)
        else {
            panic!("not a batch");
        };
        let events = rows.of(Table::Events);
        assert_eq!(events.len(), usize::try_from(count).unwrap());
        for (index, (row, event)) in events.iter().zip(&batch.events).enumerate() {
            assert_eq!(row.int32("item"), i32::try_from(index).ok());
            assert_eq!(
                row.bytes("batch_id"),
                batch.header.as_ref().map(|header| header.message_id.clone())
            );
            assert_eq!(
                row.uint("sequence"),
                event.header.as_ref().map(|header| header.sequence)
            );
        }
        batches += 1;
    }
    assert_eq!(batches, 2);
}
