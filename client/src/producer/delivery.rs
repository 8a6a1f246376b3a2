//! What is told of one message.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::error::SendError;

/// Where a message was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The partition.
    pub partition: i32,
    /// Its offset; `None` where the broker knows only that it has the message, from an earlier attempt.
    pub offset: Option<i64>,
}

/// What becomes of a message that was handed over. It may be dropped: the message is sent all the same.
#[derive(Debug)]
pub struct Pending {
    pub(super) outcome: oneshot::Receiver<Result<Delivery, SendError>>,
}

impl Pending {
    /// Waits, for code that is not asynchronous. It ends when the delivery timeout of the producer is over and the fallback
    /// has had its time, at the latest.
    ///
    /// # Errors
    /// The message was not delivered, and why.
    ///
    /// # Panics
    /// On a thread of an asynchronous runtime: await the value there.
    pub fn wait(self) -> Result<Delivery, SendError> {
        self.outcome.blocking_recv().unwrap_or(Err(SendError::Abandoned))
    }
}

impl Future for Pending {
    type Output = Result<Delivery, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome)
            .poll(context)
            .map(|outcome| outcome.unwrap_or(Err(SendError::Abandoned)))
    }
}

/// What became of one message, for a callback.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Its `header.message_id`.
    pub message_id: &'a [u8],
    /// Its tenant.
    pub tenant: &'a str,
    /// Its thread.
    pub thread: &'a str,
    /// Its number; 0 for a message without one.
    pub sequence: u64,
    /// What became of it.
    pub outcome: &'a Result<Delivery, SendError>,
}
