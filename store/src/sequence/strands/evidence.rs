//! The messages of a thread as evidence of its counters.

use std::collections::{HashMap, HashSet};

use quipu_proto::Emitter;
use xxhash_rust::xxh3::xxh3_128;

/// What a numbered message tells of the counter that numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its number, above 0.
    pub sequence: u64,
    /// Its id, from [`message_id_hash`].
    pub message_id: u128,
    /// Which kind of counter its kind of message has in applications that keep two.
    pub emitter: Emitter,
    /// What it says of the executions of nodes.
    pub role: Role,
    /// The node that it names, by a number of the caller's choice that is not 0; 0 if it names none.
    pub node: u32,
    /// The producer's time in microseconds since the Unix epoch, if it has one.
    pub time: Option<i64>,
    /// Kafka's time in microseconds since the Unix epoch, if it has one.
    pub kafka_time: Option<i64>,
    /// Partition in which it stands.
    pub partition: i32,
    /// Offset of its record.
    pub offset: i64,
    /// Its place within the record.
    pub item: i32,
}

/// What a message says of the executions of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The graph starts or ends: no node is under way.
    GraphBoundary,
    /// The execution of a node starts.
    NodeStart,
    /// The execution of a node ends, well or not.
    NodeEnd,
    /// Nothing.
    Other,
}

/// Shortens the id of a message to 128 bits of XXH3; 0 stands for no id.
#[must_use]
pub fn message_id_hash(message_id: &[u8]) -> u128 {
    if message_id.is_empty() {
        0
    } else {
        xxh3_128(message_id).max(1)
    }
}

/// The messages of a thread, in the order in which they are read.
#[derive(Debug)]
pub(super) struct Thread {
    /// One of each message, in order.
    pub(super) messages: Vec<Evidence>,
    /// Further copies, with the place of their original in `messages`.
    pub(super) copies: Vec<(usize, Evidence)>,
    /// Whether the order is that of the producer's time.
    pub(super) by_time: bool,
    /// Whether some number has two messages of different ids.
    pub(super) contested: bool,
    /// Whether a number came more than once and an id is missing that could tell whether it is a copy, or an id came
    /// under several numbers.
    pub(super) untold: bool,
}

impl Thread {
    pub(super) fn of(mut messages: Vec<Evidence>) -> Self {
        messages.sort_unstable_by_key(|message| (message.partition, message.offset, message.item));
        let mut originals: HashMap<u128, usize> = HashMap::new();
        let mut numbers: HashMap<u64, usize> = HashMap::new();
        let mut kept: Vec<Evidence> = Vec::with_capacity(messages.len());
        let mut copies: Vec<(usize, Evidence)> = Vec::new();
        let (mut contested, mut untold) = (false, false);
        for message in messages {
            if message.message_id != 0
                && let Some(&original) = originals.get(&message.message_id)
            {
                if kept[original].sequence == message.sequence {
                    copies.push((original, message));
                    continue;
                }
                // An id that stands for several messages tells nothing about copies.
                untold = true;
            }
            if let Some(&same) = numbers.get(&message.sequence) {
                let ids = [message.message_id, kept[same].message_id];
                if ids.contains(&0) || ids[0] == ids[1] {
                    // Told by its number alone, for want of better.
                    untold = true;
                    copies.push((same, message));
                    continue;
                }
                contested = true;
            }
            let place = kept.len();
            numbers.entry(message.sequence).or_insert(place);
            if message.message_id != 0 {
                originals.entry(message.message_id).or_insert(place);
            }
            kept.push(message);
        }
        let by_time = kept.iter().all(|message| message.time.is_some());
        let mut order: Vec<usize> = (0..kept.len()).collect();
        if by_time {
            order.sort_by_key(|&at| (kept[at].time, kept[at].sequence));
        } else if has_several_partitions(&kept) {
            order.sort_by_key(|&at| kept[at].kafka_time);
        }
        let mut places = vec![0; order.len()];
        for (place, &before) in order.iter().enumerate() {
            places[before] = place;
        }
        for (original, _) in &mut copies {
            *original = places[*original];
        }
        Self {
            messages: order.into_iter().map(|at| kept[at]).collect(),
            copies,
            by_time,
            contested,
            untold,
        }
    }

    /// The places of the messages of one emitter.
    pub(super) fn of_emitter(&self, emitter: Emitter) -> Vec<usize> {
        (0..self.messages.len())
            .filter(|&at| self.messages[at].emitter == emitter)
            .collect()
    }
}

fn has_several_partitions(messages: &[Evidence]) -> bool {
    messages
        .iter()
        .map(|message| message.partition)
        .collect::<HashSet<_>>()
        .len()
        > 1
}
