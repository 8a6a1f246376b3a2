//! The messages of a fleet, as records on their way to Kafka.

use quipu_fleet::{Compression, Fleet, FleetOptions, headers_mut};

/// A record on its way to Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The partition that its key falls into.
    pub(crate) partition: i32,
    /// The key: the thread.
    pub(crate) key: Vec<u8>,
    /// When it is sent, in microseconds since the epoch.
    pub(crate) time_us: i64,
    /// The framed message.
    pub(crate) value: Vec<u8>,
    /// How many numbered messages it carries: none, one, or the events of a batch.
    pub(crate) numbered: usize,
}

/// The messages of a fleet in the order of sending: about `messages`, as runs under way come to their end.
pub(crate) fn messages(messages: u64, seed: u64, partitions: i32) -> Vec<Outgoing> {
    let options = FleetOptions {
        seed,
        partitions,
        messages: Some(messages),
        ..FleetOptions::default()
    };
    Fleet::new(options)
        .map(|mut sent| Outgoing {
            partition: sent.partition,
            time_us: sent.time_us,
            value: sent.payload(Compression::default()),
            numbered: headers_mut(&mut sent.message)
                .iter()
                .filter(|header| header.sequence > 0)
                .count(),
            key: sent.key.into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_records_in_every_partition() {
        let records = messages(2_000, 7, 4);
        assert!(records == messages(2_000, 7, 4));
        assert!(records != messages(2_000, 8, 4));
        assert!(records.len() >= 2_000);
        assert!((0..4).all(|partition| records.iter().any(|record| record.partition == partition)));
    }
}
