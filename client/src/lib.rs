//! What applications write and read telemetry with.
//!
//! ```text
//! application --recorder::Recorder--> Sink --producer::Producer--> Kafka
//! application <--consumer::Consumer------------------------------- Kafka
//! ```
//!
//! - [`producer`] sends messages, and [`numbering`] gives them their numbers.
//! - [`recorder`] tells what an application does, as messages of one thread.
//! - [`redact`] takes secrets out of them.
//! - [`quality`] has answers judged, and asks again for those that are not good enough.
//! - [`rate_limit`] keeps tenants to their limits, alone or together with other producers.
//! - [`consumer`] reads messages, record by record.
//! - [`replay`] sends recorded telemetry again.
//! - [`Sink`] is where messages go: a [`FramesSink`] records them to a file, a [`MemorySink`] keeps them for a test.
//! - [`dashflow`] has the old names.
//!
//! What this crate is not: it keeps nothing, and answers no questions. That is the store's, which follows the topic.

pub mod consumer;
pub mod dashflow;
mod ids;
pub mod numbering;
pub mod producer;
pub mod quality;
pub mod rate_limit;
pub mod recorder;
pub mod redact;
pub mod replay;
mod sink;

pub use consumer::{Consumer, ConsumerError, ConsumerOptions, Received};
/// Brokers, connections, topics: what clients of Kafka are made of.
pub use quipu_kafka as kafka;
pub use quipu_proto::message::{
    AttributeArray, AttributeMap, AttributeValue, Checkpoint, CompressionInfo, CompressionType,
    DashStreamMessage, DiffOperation, Error, ErrorRecord, Event, EventBatch, EventType, ExecutionTrace,
    Header, MessageType, MetricValue, Metrics, NodeExecutionRecord, StateDiff, TokenChunk, TokenStats,
    ToolExecution, attribute_value, dash_stream_message, metric_value,
};
/// The name under which the README of dashflow-streaming has it.
pub use rate_limit as rate_limiter;
pub use sink::{FramesSink, MemorySink, Sink, SinkError};
