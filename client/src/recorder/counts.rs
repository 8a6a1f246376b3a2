//! What became of the messages of a recorder.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sink::SinkError;

/// What became of the messages of a recorder and its clones, so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecorderCounts {
    /// Messages that the sink took.
    pub sent: u64,
    /// Messages that the sink did not take: they are lost, and show as gaps where they had a number.
    pub lost: u64,
    /// Calls that came after their run, node, request or tool call had ended. Nothing is sent for them.
    pub late: u64,
    /// States that could not be written as JSON, were larger than [`state_bytes_max`](super::RecorderBuilder::state_bytes_max),
    /// or nested more deeply than readers follow. The next one covers both steps.
    pub states_skipped: u64,
    /// Why the sink did not take the newest lost message.
    pub last_loss: Option<SinkError>,
}

/// The counts while they grow.
#[derive(Debug, Default)]
pub(super) struct Counters {
    sent: AtomicU64,
    lost: AtomicU64,
    late: AtomicU64,
    states_skipped: AtomicU64,
    last_loss: Mutex<Option<SinkError>>,
}

impl Counters {
    pub(super) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lost(&self, why: SinkError) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        *self.last_loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(super) fn late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn state_skipped(&self) {
        self.states_skipped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> RecorderCounts {
        RecorderCounts {
            sent: self.sent.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
            states_skipped: self.states_skipped.load(Ordering::Relaxed),
            last_loss: self
                .last_loss
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}
