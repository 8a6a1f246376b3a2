//! What applications write and read telemetry with.
//!
//! ```text
//! application --recorder::Recorder--> Sink --producer::Producer--> Kafka
//! ```
//!
//! - [`recorder`] tells what an application does, as messages of one thread.
//! - [`redact`] takes secrets out of them.
//! - [`quality`] has answers judged, and asks again for those that are not good enough.
//! - [`rate_limit`] keeps tenants to their limits, alone or together with other producers.
//! - [`Sink`] is where messages go: a [`FramesSink`] records them to a file, a [`MemorySink`] keeps them for a test.
//!
//! What this crate is not: it keeps nothing, and answers no questions. That is the store's, which follows the topic.

pub mod quality;
pub mod rate_limit;
pub mod recorder;
pub mod redact;
mod sink;

/// The name under which the README of dashflow-streaming has it.
pub use rate_limit as rate_limiter;
pub use sink::{FramesSink, MemorySink, Sink, SinkError};
