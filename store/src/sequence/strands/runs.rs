//! Strands as runs of numbers.

use std::fmt;

use super::evidence::{Evidence, Thread};
use super::reading::{Draft, Reading};
use crate::manifest::Head;

/// The strands of a thread, those of the graph before those of nodes, each in the order of its first message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strands {
    /// The strands.
    pub strands: Vec<Strand>,
}

/// The numbering of one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strand {
    /// Who counts.
    pub kind: StrandKind,
    /// The node whose execution it is, as [`Evidence::node`]; 0 if unknown.
    pub node: u32,
    /// Whether its first number can have been seen.
    pub head: Head,
    /// Whether its gaps are proven.
    pub certainty: Certainty,
    /// Its numbers, by partition and number.
    pub runs: Vec<StrandRun>,
}

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StrandKind {
    /// One counter for all messages of the thread.
    Thread,
    /// The graph's counter, beside those of nodes.
    Graph,
    /// The counter of one execution of a node.
    Node,
}

impl StrandKind {
    /// The word in column `kind`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Graph => "graph",
            Self::Node => "node",
        }
    }
}

/// Whether a gap is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// The messages were sent and did not come.
    Exact,
    /// The messages can be dealt to counters in another way that leaves no such gap.
    Ambiguous,
}

impl Certainty {
    /// The word in column `certainty`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Ambiguous => "ambiguous",
        }
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An unbroken run of numbers of a strand in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrandRun {
    /// The partition.
    pub partition: i32,
    /// Lowest number.
    pub first: u64,
    /// Highest number.
    pub last: u64,
    /// Messages that carried a number of the run, copies included.
    pub messages: u64,
    /// Time of the message with the lowest number.
    pub first_time: Option<i64>,
    /// Time of the message with the highest number.
    pub last_time: Option<i64>,
    /// Offset of the message with the lowest number; among copies the smallest.
    pub first_offset: i64,
    /// Offset of the message with the highest number, likewise.
    pub last_offset: i64,
}

pub(super) fn strands(thread: &Thread, reading: Reading) -> Strands {
    let mut strand_of = vec![0; thread.messages.len()];
    for (index, draft) in reading.strands.iter().enumerate() {
        for &at in &draft.members {
            strand_of[at] = index;
        }
    }
    let mut copies: Vec<Vec<Evidence>> = vec![Vec::new(); reading.strands.len()];
    for (original, copy) in &thread.copies {
        copies[strand_of[*original]].push(*copy);
    }
    let strand = |(draft, copies): (Draft, Vec<Evidence>)| {
        let own = draft.members.iter().map(|&at| thread.messages[at]);
        Strand {
            kind: draft.kind,
            node: draft.node,
            head: draft.head,
            certainty: draft.certainty,
            runs: runs(own.chain(copies).collect()),
        }
    };
    Strands {
        strands: reading.strands.into_iter().zip(copies).map(strand).collect(),
    }
}

fn runs(mut messages: Vec<Evidence>) -> Vec<StrandRun> {
    messages.sort_unstable_by_key(|message| (message.partition, message.sequence, message.offset));
    let mut runs: Vec<StrandRun> = Vec::new();
    for message in messages {
        match runs.last_mut() {
            Some(run) if run.partition == message.partition && message.sequence - run.last <= 1 => {
                run.messages += 1;
                if message.sequence > run.last {
                    run.last = message.sequence;
                    run.last_time = message.time;
                    run.last_offset = message.offset;
                }
            }
            _ => runs.push(StrandRun {
                partition: message.partition,
                first: message.sequence,
                last: message.sequence,
                messages: 1,
                first_time: message.time,
                last_time: message.time,
                first_offset: message.offset,
                last_offset: message.offset,
            }),
        }
    }
    runs
}
