//! The readings of a thread, and which of them holds.

use quipu_proto::Emitter;

use super::counter::{Counter, one_at_a_time, several_at_once};
use super::evidence::Thread;
use super::executions::node_counters;
use super::runs::{Certainty, StrandKind};
use crate::manifest::Head;

/// One missing number in so many messages is believed, and one in any case; a reading that misses more has likely missed
/// the truth.
const MESSAGES_PER_MISSING_MIN: u64 = 10;

/// How many times fewer numbers must be missing before concurrent counters, which can explain almost anything, are
/// believed instead of ordered ones.
const CONCURRENT_ADVANTAGE: u64 = 4;

/// One way to read a thread.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) strands: Vec<Draft>,
    missing: u64,
}

/// A strand in the making.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: StrandKind,
    /// The node, 0 if unknown.
    pub(super) node: u32,
    /// Whether its first number can have been seen.
    pub(super) head: Head,
    pub(super) certainty: Certainty,
    /// Places of its messages in the thread.
    pub(super) members: Vec<usize>,
}

/// The reading with the fewest missing numbers.
pub(super) fn best(thread: &Thread, head: Head) -> Reading {
    let everything: Vec<usize> = (0..thread.messages.len()).collect();
    if !thread.contested {
        let mut whole = Counter::default();
        for at in everything {
            whole.take(thread, at);
        }
        whole.doubtful = thread.untold;
        return Reading::of([(StrandKind::Thread, 0, whole)], head);
    }
    let restarts = Reading::of(
        one_at_a_time(thread, &everything)
            .into_iter()
            .map(|counter| (StrandKind::Thread, 0, counter)),
        head,
    );
    let (mut best, rival) = match by_emitter(thread, head) {
        Some(emitters) if emitters.missing < restarts.missing => (emitters, Some(restarts.missing)),
        Some(emitters) => (restarts, Some(emitters.missing)),
        None => (restarts, None),
    };
    let messages = thread.messages.len() as u64;
    let is_plausible = best
        .missing
        .saturating_sub(1)
        .saturating_mul(MESSAGES_PER_MISSING_MIN)
        <= messages;
    if !is_plausible {
        let several = Reading::of(
            several_at_once(thread).into_iter().map(|mut counter| {
                counter.doubtful = true;
                (StrandKind::Thread, 0, counter)
            }),
            head,
        );
        if several.missing.saturating_mul(CONCURRENT_ADVANTAGE) < best.missing {
            return several;
        }
    }
    if !thread.by_time || thread.untold || !is_plausible || rival == Some(best.missing) {
        best.doubt();
    }
    best
}

/// The reading in which graph and nodes count apart; none where only one of them speaks.
fn by_emitter(thread: &Thread, head: Head) -> Option<Reading> {
    let graph = thread.of_emitter(Emitter::Graph);
    if graph.is_empty() || graph.len() == thread.messages.len() {
        return None;
    }
    let graph = one_at_a_time(thread, &graph);
    let nodes = node_counters(thread, &graph);
    let graph = graph.into_iter().map(|counter| (StrandKind::Graph, 0, counter));
    let nodes = nodes
        .into_iter()
        .map(|node| (StrandKind::Node, node.node, node.counter));
    Some(Reading::of(graph.chain(nodes), head))
}

impl Reading {
    fn of(counters: impl IntoIterator<Item = (StrandKind, u32, Counter)>, head: Head) -> Self {
        let mut counters: Vec<_> = counters.into_iter().collect();
        counters.sort_by_key(|(kind, _, counter)| (*kind, counter.members.first().copied()));
        // One doubt about the order of a counter touches its neighbours.
        let graph_doubtful = counters
            .iter()
            .any(|(kind, _, counter)| *kind != StrandKind::Node && counter.doubtful);
        let mut missing = 0_u64;
        let mut before = None;
        let mut strands = Vec::with_capacity(counters.len());
        for (kind, node, counter) in counters {
            // What was under way when reading began may have begun before; what came later has not.
            let head = if before == Some(kind) { Head::FromOne } else { head };
            before = Some(kind);
            missing = missing.saturating_add(counter.missing(head == Head::FromOne));
            let doubtful = counter.doubtful || kind != StrandKind::Node && graph_doubtful;
            strands.push(Draft {
                kind,
                node,
                head,
                certainty: if doubtful {
                    Certainty::Ambiguous
                } else {
                    Certainty::Exact
                },
                members: counter.members,
            });
        }
        Self { strands, missing }
    }

    fn doubt(&mut self) {
        for strand in &mut self.strands {
            strand.certainty = Certainty::Ambiguous;
        }
    }
}
