//! Sending messages to Kafka.
//!
//! ```text
//! send/enqueue/put --checks--> room --> number --> encode --> size --> quipu_kafka::produce --> topic
//!                                                                              \--given up--> fallback
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `handle.rs`, `typed.rs`, `closing.rs` | what applications hold; a method for each message; how it ends |
//! | `options.rs`, `error.rs`, `counts.rs` | what can be chosen; what can go wrong; what was done |
//! | `delivery.rs` | what is told of one message |
//! | `header.rs`, `event_batch.rs`, `trace.rs` | headers filled in; batches of events; trace context |
//! | `admission.rs` | whether a tenant may send now: the place of rate limits |
//! | `submission.rs` | the way of one message, in the order of its thread |
//! | `size.rs` | how large a message may be |
//! | `room.rs`, `outstanding.rs`, `ticket.rs` | bounds of what waits; what a flush waits for; the account of one message |
//! | `fallback/` | where messages go that cannot be delivered |
//! | `worker.rs` | the thread that does the work |
//!
//! **Threads.** The work is done on a thread of the producer's own, with its own runtime. So it works from code that is
//! not asynchronous, sending goes on while the application is busy, and dropping a producer never blocks.
//!
//! **Order.** Messages of one thread are numbered, encoded and queued in the order of the calls, and reach their partition
//! in that order. Each message that was taken has one outcome: a place in the topic, or an error that says whether the
//! fallback has it.

mod admission;
mod closing;
mod counts;
mod delivery;
mod error;
mod event_batch;
mod fallback;
mod handle;
mod header;
mod options;
mod outstanding;
mod room;
mod size;
mod submission;
mod ticket;
mod trace;
mod typed;
mod worker;

pub use crate::dashflow::producer::DashStreamProducer;
pub use admission::{Admission, Refusal};
pub use counts::ProducerCounts;
pub use delivery::{Delivery, Pending, Report};
pub use error::{CloseError, FlushError, Kept, ProducerError, SendError};
pub use event_batch::EventBatchBuilder;
pub use fallback::{DEFAULT_LETTER_TOPIC, Fallback, FallbackFile, FallbackTopic, FileSync};
pub use handle::Producer;
pub use header::IntoMessage;
pub(crate) use header::header_of;
pub use options::{OnReport, ProducerOptions, Readers};
