//! What applications write and read telemetry with.
//!
//! ```text
//! application --recorder::Recorder--> Sink --producer::Producer--> Kafka
//! application <--consumer::Consumer------------------------------- Kafka
//! ```
//!
//! What this crate is not: it keeps nothing, and answers no questions. That is the store's, which follows the topic.

pub mod consumer;
pub mod dashflow;
mod sink;

pub use consumer::{Consumer, ConsumerError, ConsumerOptions, Received};
pub use sink::{Sink, SinkError};
