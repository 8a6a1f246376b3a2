//! A Kafka client that accounts for every offset: the source that a store follows, and what producers send with.
//!
//! | file | noun |
//! |---|---|
//! | `source.rs` | the source as its user sees it |
//! | `options.rs`, `env.rs`, `env/` | what can be chosen; what the environment says |
//! | `event.rs`, `hole.rs`, `error.rs` | what the source tells: events, offset holes, errors |
//! | `supervisor.rs`, `supervisor/` | metadata to tasks: which partition is read from which broker; lives of a log; stalls |
//! | `leader.rs`, `open.rs` | the task of one broker; where its partitions begin and end |
//! | `partition.rs`, `progress.rs`, `backoff.rs` | a partition on its way between tasks; how far it is; waiting |
//! | `continuity.rs`, `epochs.rs`, `witness.rs` | whether a log is still the one that was read: the table, and what is known |
//! | `metadata.rs`, `offsets.rs`, `fetch.rs` | one request each |
//! | `ends.rs` | where logs end now, for a store at rest |
//! | `topics.rs`, `topics/` | topics made, listed and deleted; how they are made |
//! | `produce/` | records to a topic: batches to leaders, retried in order, with an outcome for each |
//! | `connect.rs`, `address.rs`, `shape.rs` | one connection; where brokers listen; responses checked before decoding |
//! | `security/` | TLS, logins, secrets |
//! | `raw.rs`, `fingerprint.rs` | one record as it is stored; knowing the last one again |
//! | `answer.rs` | answers from bytes of any origin, for fuzzing |
//! | `batch/` | record batches: from bytes to borrowed records, holes and corrupt batches |
//!
//! Who owns a position: a `partition` is a value that is either here with the supervisor or with exactly one leader
//! task, so a position is never in two places, and moving a partition to another broker neither loses nor repeats a
//! record. Dropping the future of the source drops all of it.

pub mod address;
pub mod answer;
mod backoff;
pub mod batch;
pub mod connect;
mod continuity;
mod cursor;
mod ends;
pub mod env;
mod epochs;
mod error;
mod event;
pub mod fetch;
pub mod fingerprint;
mod hole;
mod leader;
pub mod metadata;
pub mod offsets;
mod open;
mod options;
mod partition;
pub mod produce;
mod progress;
pub mod raw;
pub mod security;
mod shape;
mod source;
mod supervisor;
pub mod topics;
mod witness;

pub use connect::{ConnectOptions, Connection};
pub use continuity::LogChange;
pub use ends::end_offsets;
pub use env::KafkaEnv;
pub use error::{KafkaError, Place};
pub use event::{Fetched, PartitionHandle, SourceEvent};
pub use hole::{HoleCause, OffsetHole};
pub use offsets::Isolation;
pub use options::{DEFAULT_TOPICS, KafkaOptions, OnOutOfRange, OnUnknownTopic, Reset, StartFrom, Until};
pub use partition::StoredPosition;
pub use progress::{PartitionProgress, Stall, StallDetector, StallReport};
pub use security::Security;
pub use source::KafkaSource;
