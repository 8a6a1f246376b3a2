//! Messages as they are sent.

use quipu_proto::framing::{self, Compression};
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Header};

use crate::outbox::Draft;

/// A message on its way to Kafka.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The partition that the key falls into.
    pub partition: i32,
    /// The Kafka key: the thread id.
    pub key: String,
    /// When it is sent, in microseconds since the Unix epoch.
    pub time_us: i64,
    /// The message, numbered.
    pub message: DashStreamMessage,
}

impl Sent {
    /// The Kafka value: marker and body.
    #[must_use]
    pub fn payload(&self, compression: Compression) -> Vec<u8> {
        framing::encode(&self.message, compression)
    }
}

/// The partition of a key as librdkafka chooses it: CRC-32 (IEEE) modulo the number of partitions.
#[must_use]
pub fn partition_of(key: &str, partitions: i32) -> i32 {
    (crc32fast::hash(key.as_bytes()) % partitions.max(1).unsigned_abs()).cast_signed()
}

/// All headers of a message: its own, then those of the events in a batch.
pub fn headers_mut(message: &mut DashStreamMessage) -> Vec<&mut Header> {
    let Some(message) = message.message.as_mut() else {
        return Vec::new();
    };
    let (own, events) = match message {
        Message::Event(event) => (&mut event.header, &mut [][..]),
        Message::StateDiff(diff) => (&mut diff.header, &mut [][..]),
        Message::TokenChunk(chunk) => (&mut chunk.header, &mut [][..]),
        Message::ToolExecution(execution) => (&mut execution.header, &mut [][..]),
        Message::Checkpoint(checkpoint) => (&mut checkpoint.header, &mut [][..]),
        Message::Metrics(metrics) => (&mut metrics.header, &mut [][..]),
        Message::Error(error) => (&mut error.header, &mut [][..]),
        Message::EventBatch(batch) => (&mut batch.header, &mut batch.events[..]),
        Message::ExecutionTrace(trace) => (&mut trace.header, &mut [][..]),
    };
    own.iter_mut()
        .chain(events.iter_mut().filter_map(|event| event.header.as_mut()))
        .collect()
}

/// Gives a draft its sequence numbers from `next`, which moves on: one per message, one per event of a batch; the
/// header of a batch and an execution trace carry 0.
pub(crate) fn number(draft: &mut Draft, next: &mut u64) {
    let mut numbered = match draft.message.message {
        Some(Message::ExecutionTrace(_)) => return,
        Some(Message::EventBatch(_)) => headers_mut(&mut draft.message).split_off(1),
        _ => headers_mut(&mut draft.message),
    };
    for header in &mut numbered {
        header.sequence = *next;
        *next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_those_of_librdkafka() {
        assert_eq!(crc32fast::hash(b"session-123"), 0x34a7_93ff);
        let of = |key| [3, 10, 12].map(|partitions| partition_of(key, partitions));
        assert_eq!(of("session-123"), [0, 1, 3]);
        assert_eq!(of("thread-1"), [0, 1, 9]);
        assert_eq!(of("default"), [1, 9, 7]);
    }
}
