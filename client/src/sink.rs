//! Where messages go that an application hands over.

mod counters;
mod frames;
mod memory;

use std::fmt;

use quipu_proto::message::DashStreamMessage;
use thiserror::Error;

pub(crate) use counters::header_mut;
pub use frames::FramesSink;
pub use memory::MemorySink;

/// Takes messages of an application and sees to their way: a producer to Kafka, a recording to a file, a list in a test.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Hands over a message. Never waits and never blocks, so that it can be called from `Drop` and from code that is
    /// not asynchronous.
    ///
    /// A message whose header has sequence 0 gets the next number of its thread, in the order of the calls. It keeps that
    /// number even when there is no room for it: what is lost shows as a gap.
    ///
    /// # Errors
    /// The message was not taken, and why.
    fn put(&self, message: DashStreamMessage) -> Result<(), SinkError>;
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SinkError {
    /// As many messages wait as may wait.
    #[error(
        "{waiting} messages wait to be sent, no more may: send more slowly, or raise the limit of the queue"
    )]
    NoRoom {
        /// How many wait.
        waiting: usize,
    },
    /// The sink was closed before.
    #[error("the sink is closed")]
    Closed,
    /// The message can never be sent.
    #[error("{0}")]
    Refused(String),
}
