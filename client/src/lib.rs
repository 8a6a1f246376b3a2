//! What applications write and read telemetry with.
//!
//! ```text
//! application --recorder::Recorder--> Sink --producer::Producer--> Kafka
//! ```
//!
//! What this crate is not: it keeps nothing, and answers no questions. That is the store's, which follows the topic.

pub mod numbering;
pub mod producer;
pub mod replay;
mod sink;

pub use quipu_proto::message::{
    AttributeArray, AttributeMap, AttributeValue, Checkpoint, CompressionInfo, CompressionType,
    DashStreamMessage, DiffOperation, Error, ErrorRecord, Event, EventBatch, EventType, ExecutionTrace,
    Header, MessageType, MetricValue, Metrics, NodeExecutionRecord, StateDiff, TokenChunk, TokenStats,
    ToolExecution, attribute_value, dash_stream_message, metric_value,
};
pub use sink::{Sink, SinkError};
