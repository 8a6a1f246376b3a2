//! What the book remembers of one thread, and the rules by which it judges the next message.

use quipu_proto::SequenceVerdict;
use xxhash_rust::xxh3::xxh3_64;

/// How many of the newest ids of a thread are remembered.
///
/// It is part of the rules and not a setting: a message that carries the id of a recent one under another number is
/// told as repeated, so the same records would give other rows under another size.
pub const RECENT_IDS: usize = 8;

/// Stands for "no time" in places where a time is kept as a bare number. It lies 290,000 years before any real one.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// Whether the id of a message was seen in its thread before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeated {
    /// It was not, or the message has no id.
    No,
    /// It was: the id is among the recent ones of the thread.
    Yes,
    /// The book cannot tell: the number may have been seen before, the message is not newer than the thread, and the
    /// id is not among the recent ones. The caller looks for the id among the rows of the thread.
    LookUp,
}

/// What the book says about one arriving message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// What its number means.
    pub verdict: SequenceVerdict,
    /// How many numbers a gap leaves out; 0 for any other verdict.
    pub missing: u64,
    /// Whether its id came before.
    pub repeated: Repeated,
}

/// Shortens the id of a message to what is remembered of it; 0 stands for no id.
///
/// 64 bits of xxh3 over the whole id. An id is compared with [`RECENT_IDS`] others, so that a thousand million
/// messages meet a false match with a probability of about 4 in ten thousand million.
pub(super) fn id_hash(message_id: &[u8]) -> u64 {
    if message_id.is_empty() {
        0
    } else {
        xxh3_64(message_id).max(1)
    }
}

/// The last [`RECENT_IDS`] different ids of a thread, as [`id_hash`]es. Free places hold 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RecentIds {
    hashes: [u64; RECENT_IDS],
    /// The place that is overwritten next: the oldest id once the ring is full.
    next: u8,
}

impl RecentIds {
    fn contains(&self, hash: u64) -> bool {
        // Without a branch per place: the compiler compares several at once.
        self.hashes
            .iter()
            .fold(false, |found, recent| found | (*recent == hash))
    }

    fn push(&mut self, hash: u64) {
        let place = usize::from(self.next) % RECENT_IDS;
        self.hashes[place] = hash;
        self.next = ((place + 1) % RECENT_IDS) as u8;
    }

    fn oldest_first(&self) -> impl Iterator<Item = u64> {
        let start = usize::from(self.next);
        (0..RECENT_IDS)
            .map(move |step| self.hashes[(start + step) % RECENT_IDS])
            .filter(|hash| *hash != 0)
    }
}

/// What the book remembers of one thread within one partition of one life of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadState {
    recent: RecentIds,
    /// Highest number seen; 0 before the first. The next expected number is one more: kept this way, the highest of
    /// all numbers needs no special case.
    newest_sequence: u64,
    /// Latest time of any message of the thread, or [`NO_TIME`].
    newest_time: i64,
    /// Whether a message without a number was seen.
    has_unsequenced: bool,
}

impl Default for ThreadState {
    fn default() -> Self {
        Self {
            recent: RecentIds::default(),
            newest_sequence: 0,
            newest_time: NO_TIME,
            has_unsequenced: false,
        }
    }
}

impl ThreadState {
    /// Puts a thread together from what [`Self::newest_sequence`] and its sisters once gave.
    ///
    /// `recent_ids` are the bytes of [`Self::recent_ids`]; the answer is none when they are not of that form.
    pub(super) fn from_parts(
        newest_sequence: u64,
        newest_time: i64,
        has_unsequenced: bool,
        recent_ids: &[u8],
    ) -> Option<Self> {
        let (hashes, []) = recent_ids.as_chunks::<8>() else {
            return None;
        };
        if hashes.len() > RECENT_IDS {
            return None;
        }
        let mut recent = RecentIds::default();
        for hash in hashes {
            recent.push(u64::from_le_bytes(*hash));
        }
        Some(Self {
            recent,
            newest_sequence,
            newest_time,
            has_unsequenced,
        })
    }

    /// Highest number seen, 0 when none was.
    pub(super) fn newest_sequence(&self) -> u64 {
        self.newest_sequence
    }

    /// Latest time of any message in microseconds since the Unix epoch, or [`NO_TIME`].
    pub(super) fn newest_time(&self) -> i64 {
        self.newest_time
    }

    /// Whether a message without a number was seen.
    pub(super) fn has_unsequenced(&self) -> bool {
        self.has_unsequenced
    }

    /// Appends the recent ids to `bytes`, the oldest first, 8 bytes little-endian each.
    pub(super) fn recent_ids(&self, bytes: &mut Vec<u8>) {
        for hash in self.recent.oldest_first() {
            bytes.extend_from_slice(&hash.to_le_bytes());
        }
    }

    /// Judges a message and remembers it.
    ///
    /// `sequence` is 0 for a message outside any numbering, `id` comes from [`id_hash`], `time_us` is [`NO_TIME`] when
    /// the message has none.
    #[inline]
    pub(super) fn arrive(&mut self, sequence: u64, id: u64, time_us: i64) -> Observation {
        let newer = time_us > self.newest_time;
        if newer {
            self.newest_time = time_us;
        }
        let newest = self.newest_sequence;
        let (verdict, number_seen) = self.number(sequence);
        let missing = if verdict == SequenceVerdict::Gap {
            sequence - newest - 1
        } else {
            0
        };
        let repeated = if id == 0 {
            Repeated::No
        } else if self.recent.contains(id) {
            // A copy does not push: a burst of copies would drive the other ids out of the ring.
            Repeated::Yes
        } else {
            self.recent.push(id);
            // A copy carries the number and the time of its original. So what is above every number seen, or newer
            // than everything seen, is no copy.
            if number_seen && !newer {
                Repeated::LookUp
            } else {
                Repeated::No
            }
        };
        Observation {
            verdict,
            missing,
            repeated,
        }
    }

    /// The verdict, and whether the number may have been seen before.
    #[inline]
    fn number(&mut self, sequence: u64) -> (SequenceVerdict, bool) {
        let newest = self.newest_sequence;
        if sequence == 0 {
            let before = self.has_unsequenced;
            self.has_unsequenced = true;
            return (SequenceVerdict::Unsequenced, before);
        }
        if sequence <= newest {
            let verdict = if sequence == newest {
                SequenceVerdict::Duplicate
            } else {
                SequenceVerdict::Reordered
            };
            return (verdict, true);
        }
        self.newest_sequence = sequence;
        let verdict = if newest == 0 {
            SequenceVerdict::First
        } else if sequence - newest == 1 {
            SequenceVerdict::InOrder
        } else {
            SequenceVerdict::Gap
        };
        (verdict, false)
    }
}
