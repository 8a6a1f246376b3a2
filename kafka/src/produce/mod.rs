//! Writing records to a topic.
//!
//! ```text
//! put --partitioner--> lane of a partition (open batch, full batches) --sender--> one request a leader --> outcomes
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `client.rs` | what callers hold: records in, outcomes out |
//! | `options.rs`, `error.rs` | what can be chosen; what can go wrong |
//! | `partitioner.rs` | which partition a key chooses |
//! | `record.rs`, `batch.rs`, `compress.rs` | a record and a batch as they are written; codecs of batches |
//! | `lane.rs`, `queue.rs` | the batches of one partition, and of all |
//! | `sender.rs`, `sender/` | the task that sends: what is due, what became of it, closing |
//! | `exchange.rs` | one Produce request |
//! | `identity.rs` | the ids of idempotent producers |
//! | `single.rs` | single records, one after the other, without any of this |
//!
//! **Order.** Of one partition one batch is on its way at a time, whatever happens to it, so records stay in the order in
//! which they were put, with or without idempotence. Throughput comes from large batches and from several partitions in
//! flight at once.
//!
//! **Never twice.** The idempotent producer (the default) numbers its batches, so that a broker knows one that it has
//! stored already. Only where a batch was given up without an answer, or a log lost its newest part, can a record be
//! there twice: when its caller sends it again.

mod batch;
mod client;
mod compress;
mod error;
mod exchange;
mod identity;
mod lane;
mod options;
mod partitioner;
mod queue;
mod record;
mod sender;
mod single;

pub use client::{Outcomes, ProduceClient, ProduceStats, UndeliveredRecord};
pub use error::{ProduceError, PutError};
pub use options::{BatchCompression, ProduceOptions};
pub use partitioner::Partitioner;
pub use record::{BATCH_HEAD_BYTES, ProduceRecord};
pub use single::Producer;

/// Time to wait after so many failures in a row: 100 ms, doubling to 5 s, and up to a quarter more.
#[must_use]
pub fn wait_before_retry(failures: u32) -> std::time::Duration {
    crate::backoff::delay_and_more(failures)
}
