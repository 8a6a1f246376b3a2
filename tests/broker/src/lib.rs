//! A small Kafka-protocol broker, in process, for tests and the demo.
//!
//! It speaks enough of the protocol on loopback that real clients (librdkafka, rskafka, our own source)
//! create topics, produce and fetch, and it can be told to misbehave: a [`FaultScript`] drops and hangs
//! connections, delays, answers errors and damages batches, and what compaction, transactions, retention and
//! elections (clean and unclean ones) do to a log is a call away. It counts the requests that come.
//!
//! # What it is not
//! Not a broker for real use. Its nodes share one replica of each log, and logs live in memory and end with the
//! process. There are no consumer groups, no transactions from clients (aborted ones are appended in process),
//! no quotas, no fetch sessions, and no retention or compaction by itself.
//!
//! # How to read it
//! | file | noun |
//! |---|---|
//! | `broker.rs`, `thread.rs` | starting and stopping, on the runtime at hand or on a thread of its own |
//! | `handle.rs` | topics, appending, logs and faults without the wire |
//! | `options.rs`, `error.rs` | what can be chosen; what can go wrong |
//! | `server.rs` | sockets and frames |
//! | `handlers/<api>.rs` | one request each; `handlers/mod.rs` is the way of a request |
//! | `security.rs`, `session.rs`, `scram.rs` | TLS and users; the login of a connection; proofs of passwords |
//! | `shape.rs` | layouts of requests, checked before they are decoded |
//! | `topic.rs`, `log.rs`, `stored.rs` | topics, the log of a partition, a batch in it |
//! | `producer.rs` | what a log remembers of idempotent producers |
//! | `state.rs` | what connections and handles share |
//! | `batch.rs`, `builder.rs` | record batches: reading and rewriting headers; building |
//! | `record.rs`, `codec.rs` | records; compression |
//! | `faults.rs` | the fault script |
//!
//! # Example
//! ```
//! use quipu_broker::{ApiKey, BrokerOptions, BrokerThread, Fault, FaultRule, Record, ResponseError, TopicOptions};
//!
//! # fn main() -> Result<(), quipu_broker::BrokerError> {
//! let broker = BrokerThread::start(BrokerOptions::default())?;
//! broker.create_topic("events", TopicOptions::partitions(4))?;
//! assert_eq!(broker.append("events", 0, [Record::new("a"), Record::new("b")])?, 0);
//! assert_eq!(broker.high_watermark("events", 0)?, 2);
//!
//! // The third Fetch is told once that its offset is gone.
//! let fault = FaultRule::new(Fault::Error(ResponseError::OffsetOutOfRange));
//! broker.add_fault(fault.api(ApiKey::Fetch).topic("events").skip(2));
//!
//! println!("clients connect to {}", broker.address());
//! # Ok(())
//! # }
//! ```

mod batch;
mod broker;
mod builder;
mod codec;
mod error;
mod faults;
mod handle;
mod handlers;
mod log;
mod options;
mod producer;
mod record;
mod scram;
mod security;
mod server;
mod session;
mod shape;
mod state;
mod stored;
#[cfg(test)]
mod tests;
mod thread;
mod topic;

pub use broker::Broker;
pub use builder::{BatchBuilder, Marker};
pub use codec::Compression;
pub use error::BrokerError;
pub use faults::{DropPoint, Fault, FaultRule, FaultScript, FiredFault, HangPoint};
pub use handle::{BrokerHandle, RawBaseOffset, TransactionOffsets};
pub use log::AbortedTransaction;
pub use options::{BrokerOptions, TopicCleanup, TopicCompression, TopicOptions, UnknownTopics};
pub use record::Record;
pub use security::{BrokerLogin, BrokerSecurity, BrokerTls};
pub use thread::BrokerThread;

pub use kafka_protocol::ResponseError;
pub use kafka_protocol::messages::ApiKey;
pub use uuid::Uuid;
