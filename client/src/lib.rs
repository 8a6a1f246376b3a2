//! What applications write and read telemetry with.
//!
//! ```text
//! application --recorder::Recorder--> Sink --producer::Producer--> Kafka
//! ```
//!
//! What this crate is not: it keeps nothing, and answers no questions. That is the store's, which follows the topic.

pub mod rate_limit;
mod sink;

/// The name under which the README of dashflow-streaming has it.
pub use rate_limit as rate_limiter;
pub use sink::{Sink, SinkError};
