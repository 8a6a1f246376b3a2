//! The canonical workload: the messages that figures are taken with.
//!
//! Sessions of the fleet write it, guided towards fixed shares and mean sizes of the nine kinds of message (see
//! [`Mix`]). Among the sessions that could send next, one is drawn whose message is of the kind that is due first
//! for its share, so that the shares hold after any number of messages. The clock of the producers is the
//! workload's, about one message in a millisecond; durations are those that the sessions drew.

use prost::Message as _;
use quipu_proto::frames::Frame;
use quipu_proto::framing::{self, Compression, MARKER_ZSTD};

use crate::dice::Dice;
use crate::fleet::START_TIME_US;
use crate::guide::Guide;
use crate::kind::Kind;
use crate::mix::Mix;
use crate::sent::{Sent, headers_mut, partition_of};
use crate::session::{Birth, Session};

/// Share of the messages that are framed with zstd.
pub const ZSTD_SHARE: f64 = 1.0 / 9.0;
/// Threads at the start; more join, so that not all are in the same place of their runs.
const THREADS_FIRST: usize = 40;
/// Messages between one thread's joining and the next.
const JOIN_EVERY: u64 = 40;
/// The level of zstd that producers use.
const ZSTD_LEVEL: i32 = 3;
/// Mean time between two messages, in microseconds.
const GAP_US: f64 = 1_000.0;

/// What the canonical workload is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalOptions {
    /// The same seed gives the same messages.
    pub seed: u64,
    /// Messages.
    pub messages: u64,
    /// Threads at the same time, at least 1.
    pub threads: usize,
    /// Tenants, at least 1.
    pub tenants: usize,
    /// Partitions of the topic, at least 1.
    pub partitions: i32,
}

impl Default for CanonicalOptions {
    /// A million messages of 240 threads at a time, 12 tenants, 4 partitions, seed 1.
    fn default() -> Self {
        Self {
            seed: 1,
            messages: 1_000_000,
            threads: 240,
            tenants: 12,
            partitions: 4,
        }
    }
}

/// A record of the canonical workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The partition that the key falls into.
    pub partition: i32,
    /// The Kafka key: the thread id.
    pub key: String,
    /// When it is sent, in microseconds since the Unix epoch.
    pub time_us: i64,
    /// The Kafka value.
    pub payload: Vec<u8>,
    /// What it holds.
    pub kind: Kind,
    /// Length of its protobuf, in bytes, before compression.
    pub protobuf_bytes: usize,
}

impl Record {
    /// The record as a frames file holds it.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            partition: self.partition.unsigned_abs(),
            key: self.key.as_bytes(),
            payload: &self.payload,
        }
    }
}

/// The records of the canonical workload, in the order of sending.
#[derive(Debug)]
pub struct Canonical {
    options: CanonicalOptions,
    dice: Dice,
    guide: Guide,
    sessions: Vec<Session>,
    /// The sessions whose next message is of each kind; in the order of [`Kind::ALL`].
    waiting: [Vec<usize>; 9],
    begun: u64,
    clock_us: i64,
    mix: Mix,
    zstd_messages: u64,
    /// Protobuf bytes above which a message is compressed: moves so that the share comes out.
    zstd_threshold: f64,
}

impl Canonical {
    /// The workload at its start.
    #[must_use]
    pub fn new(options: CanonicalOptions) -> Self {
        let mut canonical = Self {
            options,
            dice: Dice::new(options.seed, 0),
            guide: Guide::Steered(Box::default()),
            sessions: Vec::new(),
            waiting: Default::default(),
            begun: 0,
            clock_us: START_TIME_US,
            mix: Mix::default(),
            zstd_messages: 0,
            zstd_threshold: 620.0,
        };
        for _ in 0..options.threads.clamp(1, THREADS_FIRST) {
            canonical.join();
        }
        canonical
    }

    /// What was sent so far.
    #[must_use]
    pub fn mix(&self) -> &Mix {
        &self.mix
    }

    /// Messages framed with zstd so far.
    #[must_use]
    pub fn zstd_messages(&self) -> u64 {
        self.zstd_messages
    }

    /// Threads that began so far.
    #[must_use]
    pub fn threads(&self) -> u64 {
        self.begun
    }

    /// Lets one more thread begin.
    fn join(&mut self) {
        let session = self.session();
        self.sessions.push(session);
        self.queue(self.sessions.len() - 1);
    }

    fn session(&mut self) -> Session {
        let birth = Birth {
            seed: self.options.seed,
            index: self.begun,
            tenants: self.options.tenants,
            time_us: self.clock_us,
        };
        self.begun += 1;
        Session::new(birth)
    }

    /// Queues a session by the kind of its next message; where it is over, a new one takes its place.
    fn queue(&mut self, index: usize) {
        let kind = loop {
            match self.sessions[index].peek(&mut self.guide) {
                Some(draft) => break draft.kind,
                None => self.sessions[index] = self.session(),
            }
        };
        self.waiting[kind.index()].push(index);
    }

    /// The session that sends next: one of those whose kind is due first.
    fn choose(&mut self) -> Option<usize> {
        let kind = Kind::ALL
            .into_iter()
            .filter(|kind| !self.waiting[kind.index()].is_empty())
            .min_by(|left, right| self.mix.due(*left).total_cmp(&self.mix.due(*right)))?;
        let waiting = &mut self.waiting[kind.index()];
        Some(waiting.swap_remove(self.dice.below(waiting.len())))
    }

    /// The next message.
    fn send(&mut self) -> Option<Sent> {
        if self.sessions.len() < self.options.threads && self.mix.total().is_multiple_of(JOIN_EVERY) {
            self.join();
        }
        let index = self.choose()?;
        let mut draft = self.sessions[index].pop()?;
        let key = self.sessions[index].thread().to_owned();
        self.queue(index);
        self.clock_us += self.dice.exponential(GAP_US) as i64 + 1;
        // The events of a batch happened before it was closed.
        let mut time_us = self.clock_us;
        for header in headers_mut(&mut draft.message).into_iter().rev() {
            header.timestamp_us = time_us;
            time_us -= self.dice.between(20, 4_000) as i64;
        }
        if let Some(own) = headers_mut(&mut draft.message).into_iter().next() {
            own.timestamp_us = self.clock_us;
        }
        let partition = partition_of(&key, self.options.partitions);
        Some(Sent {
            partition,
            key,
            time_us: self.clock_us,
            message: draft.message,
        })
    }
}

impl Iterator for Canonical {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.mix.total() >= self.options.messages {
            return None;
        }
        let Sent {
            partition,
            key,
            time_us,
            message,
        } = self.send()?;
        let kind = Kind::of(&message)?;
        let threshold_bytes = self.zstd_threshold as usize;
        let payload = framing::encode(
            &message,
            Compression::Zstd {
                threshold_bytes,
                level: ZSTD_LEVEL,
            },
        );
        let is_zstd = payload.first() == Some(&MARKER_ZSTD);
        self.zstd_messages += u64::from(is_zstd);
        let mut protobuf_bytes = message.encoded_len();
        if is_zstd {
            // The flag in each header and what it does to the lengths around it.
            let mut flagged = message;
            headers_mut(&mut flagged)
                .into_iter()
                .for_each(|header| header.compression = 1);
            protobuf_bytes = flagged.encoded_len();
        }
        self.mix.account(kind, protobuf_bytes);
        if let Guide::Steered(steering) = &mut self.guide {
            steering.follow(&self.mix);
        }
        let surplus = self.zstd_messages as f64 - ZSTD_SHARE * self.mix.total() as f64;
        self.zstd_threshold = (620.0 * (surplus / 100.0).exp()).clamp(512.0, 4_096.0);
        Some(Record {
            partition,
            key,
            time_us,
            payload,
            kind,
            protobuf_bytes,
        })
    }
}
