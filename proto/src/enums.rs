//! Names of enum numbers as they stand in columns: without the prefix of their type, and `UNKNOWN(n)` for numbers
//! that this schema does not know.

use std::borrow::Cow;

use crate::message::diff_operation::{OpType, ValueEncoding};
use crate::message::error::Severity;
use crate::message::metric_value::MetricType;
use crate::message::token_chunk::FinishReason;
use crate::message::tool_execution::ExecutionStage;
use crate::message::{CompressionType, EventType, MessageType};

/// From an enum number to its name.
pub type NameOf = fn(i32) -> Cow<'static, str>;

fn name<E: TryFrom<i32>>(number: i32, prefix: &str, as_str: fn(&E) -> &'static str) -> Cow<'static, str> {
    match E::try_from(number) {
        Ok(known) => {
            let full = as_str(&known);
            Cow::Borrowed(full.strip_prefix(prefix).unwrap_or(full))
        }
        Err(_) => Cow::Owned(format!("UNKNOWN({number})")),
    }
}

/// Name of a `MessageType`: `EVENT`, `TOKEN_CHUNK`.
#[must_use]
pub fn message_type(number: i32) -> Cow<'static, str> {
    name(number, "MESSAGE_TYPE_", MessageType::as_str_name)
}

/// Name of a `CompressionType`: `NONE`, `ZSTD`.
#[must_use]
pub fn compression_type(number: i32) -> Cow<'static, str> {
    name(number, "COMPRESSION_", CompressionType::as_str_name)
}

/// Name of an `EventType`: `GRAPH_START`, `LLM_END`.
#[must_use]
pub fn event_type(number: i32) -> Cow<'static, str> {
    name(number, "EVENT_TYPE_", EventType::as_str_name)
}

/// Name of a `FinishReason`: `NONE`, `STOP`.
#[must_use]
pub fn finish_reason(number: i32) -> Cow<'static, str> {
    name(number, "FINISH_REASON_", FinishReason::as_str_name)
}

/// Name of an `ExecutionStage`: `REQUESTED`, `COMPLETED`.
#[must_use]
pub fn execution_stage(number: i32) -> Cow<'static, str> {
    name(number, "EXECUTION_STAGE_", ExecutionStage::as_str_name)
}

/// Name of a `MetricType`: `COUNTER`, `GAUGE`.
#[must_use]
pub fn metric_type(number: i32) -> Cow<'static, str> {
    name(number, "METRIC_TYPE_", MetricType::as_str_name)
}

/// Name of a `Severity`: `WARNING`, `ERROR`.
#[must_use]
pub fn severity(number: i32) -> Cow<'static, str> {
    name(number, "SEVERITY_", Severity::as_str_name)
}

/// Name of an operation of a state diff: `ADD`, `REMOVE`.
#[must_use]
pub fn operation(number: i32) -> Cow<'static, str> {
    name(number, "OP_TYPE_", OpType::as_str_name)
}

/// Name of the encoding of an operation's value: `JSON`, `RAW`.
#[must_use]
pub fn value_encoding(number: i32) -> Cow<'static, str> {
    name(number, "VALUE_ENCODING_", ValueEncoding::as_str_name)
}
