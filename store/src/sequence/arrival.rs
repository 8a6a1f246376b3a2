//! What the book is told of a message.

use quipu_proto::Emitter;

/// A message on its way into the store, as far as the book cares.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its tenant.
    pub tenant_id: &'a str,
    /// Its thread. A message without one stands outside any numbering.
    pub thread_id: &'a str,
    /// Which kind of counter numbered it.
    pub emitter: Emitter,
    /// Its number, 0 when it has none.
    pub sequence: u64,
    /// Its id, empty when it has none.
    pub message_id: &'a [u8],
    /// Its time in microseconds since the Unix epoch.
    pub time_us: Option<i64>,
    /// Offset of its record.
    pub offset: i64,
}

/// A message that is in the store already, for [`SequenceBook::replay`](super::SequenceBook::replay).
#[derive(Clone, Copy, Debug)]
pub struct ReplayRow<'a> {
    /// Its tenant.
    pub tenant_id: &'a str,
    /// Its thread.
    pub thread_id: &'a str,
    /// Its number.
    pub sequence: u64,
    /// Its id, empty when it has none.
    pub message_id: &'a [u8],
    /// Its time in microseconds since the Unix epoch.
    pub time_us: Option<i64>,
}
