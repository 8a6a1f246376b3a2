//! What applications write and read telemetry with.
//!
//! ```text
//! application --recorder::Recorder--> Sink --producer::Producer--> Kafka
//! ```
//!
//! What this crate is not: it keeps nothing, and answers no questions. That is the store's, which follows the topic.

mod sink;

pub use sink::{Sink, SinkError};
