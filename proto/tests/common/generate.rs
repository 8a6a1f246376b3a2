//! Messages of all nine types with every field, as a hostile but well-formed producer might send them.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use quipu_proto::message::attribute_value::Value;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{
    AttributeArray, AttributeMap, AttributeValue, Checkpoint, CompressionInfo, DashStreamMessage,
    DiffOperation, Error, ErrorRecord, Event, EventBatch, ExecutionTrace, Header, MetricValue, Metrics,
    NodeExecutionRecord, StateDiff, TokenChunk, TokenStats, ToolExecution, metric_value,
};
use sha2::{Digest, Sha256};

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "\\PC{0,8}",
        2 => vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect()),
        2 => Just(String::new()),
        1 => Just("\0\u{1}\u{8}\u{b}\u{c}\u{1f} \"q\" \\ / \n\r\t \u{7f} \u{2028} é 🚀 \u{fffd}".to_owned()),
        1 => Just("a".repeat(300)),
    ]
}

pub fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..20),
        1 => vec(any::<u8>(), 16),
    ]
}

/// Bytes that should be JSON, and sometimes are.
pub fn json_bytes() -> impl Strategy<Value = Vec<u8>> {
    let texts = [
        "",
        "null",
        "true",
        "0",
        "-1.5e300",
        "\"text\"",
        "{\"a\": [1, 2.50, {}]}",
        " [ 1 , 2 ] ",
        "{\"k\":{\"k\":1}}",
        "plain",
        "{",
        "nul",
        "\"\\ud800\"",
        "\"\u{1}\"",
        "1e999",
        "01",
        "\u{feff}1",
        "{\"a\":1}{\"b\":2}",
    ];
    prop_oneof![
        4 => prop::sample::select(texts.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..12),
        1 => text().prop_map(|text| serde_json::to_vec(&text).unwrap()),
        1 => Just(format!("{}{}", "[".repeat(200), "]".repeat(200)).into_bytes()),
    ]
}

fn long() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => any::<i64>(),
        1 => prop::sample::select(vec![0, 1, -1, i64::MIN, i64::MAX, (1 << 53) + 1, 1 << 53, -(1 << 53) - 1]),
        2 => 0_i64..5_000_000,
    ]
}

fn ulong() -> impl Strategy<Value = u64> {
    prop_oneof![4 => any::<u64>(), 1 => prop::sample::select(vec![0, 1, u64::MAX, i64::MAX as u64 + 1]), 2 => 0_u64..1_000]
}

fn double() -> impl Strategy<Value = f64> {
    let odd = vec![
        0.0,
        -0.0,
        3.0,
        0.1,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        2_f64.powi(53),
        2_f64.powi(53) + 2.0,
        1e21,
        1e-7,
    ];
    prop_oneof![2 => any::<f64>(), 1 => prop::sample::select(odd), 1 => any::<u64>().prop_map(f64::from_bits)]
}

fn single() -> impl Strategy<Value = f32> {
    prop_oneof![any::<f32>(), any::<u32>().prop_map(f32::from_bits)]
}

fn enumeration() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0_i32..12, 2 => 0_i32..100, 1 => any::<i32>(), 1 => prop::sample::select(vec![i32::MIN, i32::MAX, -1])]
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4)
}

/// Headers of versions that every policy accepts.
pub fn header() -> impl Strategy<Value = Header> {
    (
        bytes(),
        long(),
        text(),
        text(),
        ulong(),
        enumeration(),
        bytes(),
        enumeration(),
        0_u32..2,
    )
        .prop_map(
            |(
                message_id,
                timestamp_us,
                tenant_id,
                thread_id,
                sequence,
                r#type,
                parent_id,
                compression,
                schema_version,
            )| {
                Header {
                    message_id,
                    timestamp_us,
                    tenant_id,
                    thread_id,
                    sequence,
                    r#type,
                    parent_id,
                    compression,
                    schema_version,
                }
            },
        )
}

fn maybe_header() -> impl Strategy<Value = Option<Header>> {
    option::weighted(0.9, header())
}

pub fn attribute_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|value| Some(Value::StringValue(value))),
        long().prop_map(|value| Some(Value::IntValue(value))),
        double().prop_map(|value| Some(Value::FloatValue(value))),
        any::<bool>().prop_map(|value| Some(Value::BoolValue(value))),
        bytes().prop_map(|value| Some(Value::BytesValue(value))),
    ]
    .prop_map(|value| AttributeValue { value });
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|values| Value::ArrayValue(AttributeArray { values })),
            btree_map(text(), inner, 0..4).prop_map(|values| Value::MapValue(AttributeMap { values })),
        ]
        .prop_map(|value| AttributeValue { value: Some(value) })
    })
}

fn attributes() -> impl Strategy<Value = BTreeMap<String, AttributeValue>> {
    let hot = [
        "graph_name",
        "model",
        "tool_name",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "error",
    ];
    let key = prop_oneof![text(), prop::sample::select(hot.to_vec()).prop_map(str::to_owned)];
    btree_map(key, attribute_value(), 0..6)
}

pub fn event() -> impl Strategy<Value = Event> {
    (
        maybe_header(),
        enumeration(),
        text(),
        attributes(),
        long(),
        text(),
    )
        .prop_map(
            |(header, event_type, node_id, attributes, duration_us, llm_request_id)| Event {
                header,
                event_type,
                node_id,
                attributes,
                duration_us,
                llm_request_id,
            },
        )
}

fn state_diff() -> impl Strategy<Value = StateDiff> {
    let operation = (
        enumeration(),
        text(),
        json_bytes(),
        text(),
        prop_oneof![3 => Just(0), 1 => enumeration()],
    )
        .prop_map(|(op, path, value, from, encoding)| DiffOperation {
            op,
            path,
            value,
            from,
            encoding,
        });
    (
        maybe_header(),
        bytes(),
        vec(operation, 0..5),
        bytes(),
        json_bytes(),
    )
        .prop_map(
            |(header, base_checkpoint_id, operations, state_hash, full_state)| StateDiff {
                header,
                base_checkpoint_id,
                operations,
                state_hash,
                full_state,
            },
        )
}

fn token_chunk() -> impl Strategy<Value = TokenChunk> {
    let stats = (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(prompt_tokens, completion_tokens, total_tokens)| TokenStats {
            prompt_tokens,
            completion_tokens,
            total_tokens,
        },
    );
    (
        maybe_header(),
        text(),
        text(),
        vec(any::<u32>(), 0..5),
        vec(single(), 0..5),
        any::<u32>(),
        any::<bool>(),
        enumeration(),
        text(),
        option::of(prop_oneof![stats, Just(TokenStats::default())]),
    )
        .prop_map(
            |(
                header,
                request_id,
                text,
                token_ids,
                logprobs,
                chunk_index,
                is_final,
                finish_reason,
                model,
                stats,
            )| {
                TokenChunk {
                    header,
                    request_id,
                    text,
                    token_ids,
                    logprobs,
                    chunk_index,
                    is_final,
                    finish_reason,
                    model,
                    stats,
                }
            },
        )
}

fn error() -> impl Strategy<Value = Error> {
    (
        maybe_header(),
        text(),
        text(),
        text(),
        texts(),
        enumeration(),
        text(),
        vec(text(), 0..4),
    )
        .prop_map(
            |(header, error_code, message, stack_trace, context, severity, exception_type, suggestions)| {
                Error {
                    header,
                    error_code,
                    message,
                    stack_trace,
                    context,
                    severity,
                    exception_type,
                    suggestions,
                }
            },
        )
}

fn tool_execution() -> impl Strategy<Value = ToolExecution> {
    (
        maybe_header(),
        text(),
        text(),
        enumeration(),
        json_bytes(),
        json_bytes(),
        text(),
        option::of(prop_oneof![3 => error(), 1 => Just(Error::default())]),
        long(),
        any::<u32>(),
    )
        .prop_map(
            |(
                header,
                call_id,
                tool_name,
                stage,
                arguments,
                result,
                error,
                error_details,
                duration_us,
                retry_count,
            )| {
                ToolExecution {
                    header,
                    call_id,
                    tool_name,
                    stage,
                    arguments,
                    result,
                    error,
                    error_details,
                    duration_us,
                    retry_count,
                }
            },
        )
}

#[derive(Clone, Copy, Debug)]
enum Checksum {
    None,
    Right,
    Wrong,
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    let checksum = prop::sample::select(vec![Checksum::None, Checksum::Right, Checksum::Wrong]);
    let info = (
        prop_oneof![3 => Just(1), 3 => Just(0), 1 => enumeration()],
        ulong(),
        ulong(),
        single(),
    )
        .prop_map(
            |(r#type, compressed_size, uncompressed_size, compression_ratio)| CompressionInfo {
                r#type,
                compressed_size,
                uncompressed_size,
                compression_ratio,
            },
        );
    (
        maybe_header(),
        bytes(),
        json_bytes(),
        any::<bool>(),
        text(),
        checksum,
        text(),
        option::of(info),
        texts(),
    )
        .prop_map(
            |(
                header,
                checkpoint_id,
                plain,
                compress,
                state_type,
                checksum,
                storage_uri,
                compression_info,
                metadata,
            )| {
                let checksum = match checksum {
                    Checksum::None => Vec::new(),
                    Checksum::Right => Sha256::digest(&plain).to_vec(),
                    Checksum::Wrong => vec![7; 32],
                };
                // What is said of the compression may be false.
                let state = if compress {
                    zstd::bulk::compress(&plain, 3).unwrap()
                } else {
                    plain
                };
                Checkpoint {
                    header,
                    checkpoint_id,
                    state,
                    state_type,
                    checksum,
                    storage_uri,
                    compression_info,
                    metadata,
                }
            },
        )
}

fn metrics() -> impl Strategy<Value = Metrics> {
    use metric_value::Value;
    let value = prop_oneof![
        long().prop_map(Value::IntValue),
        double().prop_map(Value::FloatValue),
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        bytes().prop_map(Value::BytesValue),
    ];
    let metric = (option::weighted(0.9, value), text(), enumeration())
        .prop_map(|(value, unit, r#type)| MetricValue { unit, r#type, value });
    (
        maybe_header(),
        text(),
        text(),
        btree_map(text(), metric, 0..6),
        texts(),
    )
        .prop_map(|(header, scope, scope_id, metrics, tags)| Metrics {
            header,
            scope,
            scope_id,
            metrics,
            tags,
        })
}

pub fn event_batch() -> impl Strategy<Value = EventBatch> {
    (maybe_header(), vec(event(), 0..5)).prop_map(|(header, events)| EventBatch { header, events })
}

fn execution_trace() -> impl Strategy<Value = ExecutionTrace> {
    let node = (
        text(),
        ulong(),
        ulong(),
        ulong(),
        ulong(),
        any::<bool>(),
        text(),
        text(),
        json_bytes(),
        json_bytes(),
        texts(),
    )
        .prop_map(
            |(
                node,
                duration_ms,
                prompt_tokens,
                completion_tokens,
                total_tokens,
                succeeded,
                started_at,
                ended_at,
                input,
                output,
                metadata,
            )| {
                NodeExecutionRecord {
                    node,
                    duration_ms,
                    prompt_tokens,
                    completion_tokens,
                    total_tokens,
                    succeeded,
                    started_at,
                    ended_at,
                    input,
                    output,
                    metadata,
                }
            },
        );
    let error = (text(), text(), text(), text(), any::<bool>(), text()).prop_map(
        |(node, message, error_code, timestamp, recovered, stack_trace)| ErrorRecord {
            node,
            message,
            error_code,
            timestamp,
            recovered,
            stack_trace,
        },
    );
    (
        maybe_header(),
        (text(), text(), text(), text()),
        vec(node, 0..4),
        ulong(),
        ulong(),
        vec(error, 0..4),
        any::<bool>(),
        json_bytes(),
        btree_map(text(), json_bytes(), 0..4),
    )
        .prop_map(
            |(
                header,
                texts,
                nodes_executed,
                total_duration_ms,
                total_tokens,
                errors,
                completed,
                final_state,
                metadata,
            )| {
                let (thread_id, execution_id, started_at, ended_at) = texts;
                ExecutionTrace {
                    header,
                    thread_id,
                    execution_id,
                    nodes_executed,
                    total_duration_ms,
                    total_tokens,
                    errors,
                    completed,
                    started_at,
                    ended_at,
                    final_state,
                    metadata,
                }
            },
        )
}

/// A message of any of the nine types.
pub fn message() -> impl Strategy<Value = DashStreamMessage> {
    Union::new([
        event().prop_map(Message::Event).boxed(),
        state_diff().prop_map(Message::StateDiff).boxed(),
        token_chunk().prop_map(Message::TokenChunk).boxed(),
        tool_execution().prop_map(Message::ToolExecution).boxed(),
        checkpoint().prop_map(Message::Checkpoint).boxed(),
        metrics().prop_map(Message::Metrics).boxed(),
        error().prop_map(Message::Error).boxed(),
        event_batch().prop_map(Message::EventBatch).boxed(),
        execution_trace().prop_map(Message::ExecutionTrace).boxed(),
    ])
    .prop_map(|message| DashStreamMessage {
        message: Some(message),
    })
}
