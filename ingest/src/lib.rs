//! Sources of records and the pipeline that carries them into the store.
//!
//! ```text
//! Kafka partitions --kafka::KafkaSource--\
//!                                         > Pipeline: decode -> number -> append -> (cut) -> press -> commit
//! frames files ------frames--------------/
//! ```
//!
//! | module | noun |
//! |---|---|
//! | [`kafka`] | the Kafka source: connections, fetching, record batches (crate quipu-kafka) |
//! | `frames` | the source for recorded records |
//! | [`pipeline`] | the one way into the store: rows, sequence book and positions in step |
//! | `numbering`, `repeats` | what the sequence book says of a message, and exact look-ups where it remembers too little |
//! | [`dead_letters`] | what is done with letters after they were kept: retry, export, import |
//! | `rebuild` | the sequence book from what the store holds |
//! | [`verify`] | whether a store is whole, and holds what its source holds |
//! | [`records`] | records as they lie in Kafka, without a store |
//! | `run` | whole runs, from a source until its end or until told to stop |
//! | [`flush`](FlushPolicy), [`clock`](Clock), [`progress`](Progress), [`stop`](Stop) | when to commit, how far it is, when to end |
//!
//! The order that makes each record count exactly once: positions are committed with the rows they cover, in the same
//! manifest, and nowhere else. After a crash the source begins at the committed positions; the same records come
//! again and get the same rows.
//!
//! What this crate is not: a consumer group (a store has one writer and reads all partitions), or a producer of
//! messages (dead letters alone are sent on). The Kafka client is a crate of its own, which producers use as well.

mod clock;
pub mod dead_letters;
mod error;
mod flush;
mod frames;
mod headers;
mod holes;
mod notices;
mod numbering;
pub mod pipeline;
mod progress;
mod rebuild;
pub mod records;
mod repeats;
mod rows;
mod run;
mod stop;
pub mod verify;

pub use clock::Clock;
pub use error::{IngestError, Result};
pub use flush::FlushPolicy;
pub use frames::FramesFile;
pub use notices::Notice;
pub use pipeline::{PartitionSlot, PartitionStart, Pipeline, PipelineOptions};
pub use progress::{ForwardCounts, GAP_SIZES, PartitionLag, Progress, ProgressCounts, SequenceCounts};
pub use quipu_kafka as kafka;
pub use quipu_kafka::raw;
pub use run::{KafkaRunOptions, ingest_frames, ingest_kafka};
pub use stop::Stop;
