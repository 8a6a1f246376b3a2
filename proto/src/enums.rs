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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_prefix_of_their_type_and_unknown_numbers_show_themselves() {
        assert_eq!(event_type(81), "NODE_THINKING");
        assert_eq!(event_type(0), "UNSPECIFIED");
        assert_eq!(event_type(-7), "UNKNOWN(-7)");
        assert_eq!(message_type(9), "EXECUTION_TRACE");
        assert_eq!(compression_type(0), "NONE");
        assert_eq!(finish_reason(4), "TOOL_CALLS");
        assert_eq!(execution_stage(5), "RETRYING");
        assert_eq!(metric_type(2), "GAUGE");
        assert_eq!(severity(5), "FATAL");
        assert_eq!(operation(0), "ADD");
        assert_eq!(value_encoding(i32::MAX), "UNKNOWN(2147483647)");
    }

    #[test]
    fn no_name_of_the_schema_keeps_a_prefix_or_looks_unknown() {
        let all: [NameOf; 9] = [
            message_type,
            compression_type,
            event_type,
            finish_reason,
            execution_stage,
            metric_type,
            severity,
            operation,
            value_encoding,
        ];
        for name_of in all {
            let known: Vec<_> = (0..100)
                .map(name_of)
                .filter(|name| !name.starts_with("UNKNOWN("))
                .collect();
            assert!(known.len() > 3);
            assert!(
                known
                    .iter()
                    .all(|name| !name.contains("_TYPE_") && !name.contains("REASON_")),
                "{known:?}"
            );
        }
    }
}
