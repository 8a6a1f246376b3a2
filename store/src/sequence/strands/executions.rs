//! Executions of nodes, from what the graph tells, and the messages from inside them.

use quipu_proto::Emitter;

use super::counter::{Counter, one_at_a_time};
use super::evidence::{Evidence, Role, Thread};

/// A stretch of time in which a node was under way.
#[derive(Debug)]
struct Execution {
    node: u32,
    start: i64,
    end: i64,
    /// The messages of the graph that told of its start and its end.
    start_at: Option<usize>,
    end_at: Option<usize>,
    members: Vec<usize>,
    /// Number of its newest message.
    newest: u64,
    /// Whether one of its messages could be of another execution.
    shared: bool,
}

impl Execution {
    fn takes(&self, message: &Evidence, time: i64) -> bool {
        (self.start..=self.end).contains(&time) && (message.node == 0 || message.node == self.node)
    }
}

/// The counter of a node's execution, and the node if it is known.
#[derive(Debug)]
pub(super) struct NodeCounter {
    pub(super) counter: Counter,
    pub(super) node: u32,
    /// When it was under way.
    start: i64,
    end: i64,
    /// Whether it was under way for sure, and it alone.
    is_stray: bool,
}

/// How far the time of a message may lie off that of the start and the end of its execution: messages from inside nodes
/// are made by tasks of their own.
const STRAYING_US_MAX: i64 = 50_000;

/// Deals the messages from inside nodes to the executions that were under way at their time. `graph` are the counters
/// of the graph.
pub(super) fn node_counters(thread: &Thread, graph: &[Counter]) -> Vec<NodeCounter> {
    let inside = thread.of_emitter(Emitter::Node);
    if !thread.by_time {
        let counters = one_at_a_time(thread, &inside);
        return counters
            .into_iter()
            .map(|counter| NodeCounter::stray(thread, counter))
            .collect();
    }
    let graph: Vec<GraphNumbers<'_>> = graph.iter().map(GraphNumbers::of).collect();
    let mut executions = executions(thread);
    let strays = deal(thread, &inside, &mut executions);
    let mut counters = Vec::new();
    for execution in &executions {
        let mut own = one_at_a_time(thread, &execution.members);
        let doubtful = own.len() > 1 || execution.shared || !is_bounded(thread, execution, &graph);
        for counter in &mut own {
            counter.doubtful |= doubtful;
        }
        counters.extend(own.into_iter().map(|counter| NodeCounter {
            counter,
            node: execution.node,
            start: execution.start,
            end: execution.end,
            is_stray: false,
        }));
    }
    for stray in strays {
        let own = one_at_a_time(thread, &stray);
        counters.extend(own.into_iter().map(|counter| NodeCounter::stray(thread, counter)));
    }
    doubt_neighbours(&mut counters);
    counters
}

impl NodeCounter {
    /// The counter of messages that lie in no execution.
    fn stray(thread: &Thread, mut counter: Counter) -> Self {
        counter.doubtful = true;
        let time = |at: Option<&usize>| at.and_then(|at| thread.messages[*at].time);
        Self {
            node: counter.members.first().map_or(0, |at| thread.messages[*at].node),
            start: time(counter.members.first()).unwrap_or(i64::MIN),
            end: time(counter.members.last()).unwrap_or(i64::MAX),
            is_stray: true,
            counter,
        }
    }

    /// Whether a message near an end of this one could belong to the other instead, and that would close a gap.
    fn may_trade_with(&self, other: &Self) -> bool {
        let (own, others) = (&self.counter, &other.counter);
        let misses = |number: &u64| *number < own.newest && !own.numbers.contains(number);
        // A number that the other could spare.
        let takes = if other.is_stray {
            others.numbers.iter().any(misses)
        } else {
            misses(&others.newest)
        };
        // The number above one of our gaps, which goes on where the other ends.
        let expected = others.newest.saturating_add(1);
        let gives = own.numbers.contains(&expected) && (expected == 1 || misses(&(expected - 1)));
        takes || gives
    }
}

/// Takes the certainty from executions whose gaps would close if a message near one of their ends was another's.
fn doubt_neighbours(counters: &mut [NodeCounter]) {
    counters.sort_by_key(|node| (node.start, node.end));
    let doubtful: Vec<usize> = (0..counters.len())
        .filter(|&index| {
            let node = &counters[index];
            let near = |other: &&NodeCounter| {
                other.start <= node.end.saturating_add(STRAYING_US_MAX)
                    && other.end >= node.start.saturating_sub(STRAYING_US_MAX)
            };
            let has_gap = node.counter.missing(true) > 0;
            has_gap
                && !node.counter.doubtful
                && counters[..index]
                    .iter()
                    .rev()
                    .take(NEIGHBOURS_MAX)
                    .chain(counters[index + 1..].iter().take(NEIGHBOURS_MAX))
                    .filter(near)
                    .any(|other| node.may_trade_with(other))
        })
        .collect();
    for index in doubtful {
        counters[index].counter.doubtful = true;
    }
}

/// Executions before and after one that are looked at; more than those do not fit into the time.
const NEIGHBOURS_MAX: usize = 64;

/// The executions in the order of their start, as the graph tells of them.
fn executions(thread: &Thread) -> Vec<Execution> {
    let mut executions: Vec<Execution> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut before = i64::MIN;
    for at in thread.of_emitter(Emitter::Graph) {
        let message = &thread.messages[at];
        let time = message.time.unwrap_or(before);
        let of_node = |open: &[usize], executions: &[Execution]| {
            open.iter()
                .rposition(|index| executions[*index].node == message.node)
        };
        match message.role {
            Role::NodeStart => {
                // A node that starts again has ended, though its end was lost.
                if let Some(known) = of_node(&open, &executions) {
                    executions[open.remove(known)].end = time;
                }
                open.push(executions.len());
                executions.push(Execution::new(message.node, time, Some(at)));
            }
            Role::NodeEnd => match of_node(&open, &executions) {
                Some(known) => {
                    let execution = &mut executions[open.remove(known)];
                    execution.end = time;
                    execution.end_at = Some(at);
                }
                None => {
                    let mut execution = Execution::new(message.node, before, None);
                    execution.end = time;
                    execution.end_at = Some(at);
                    executions.push(execution);
                }
            },
            Role::GraphBoundary => {
                for index in open.drain(..) {
                    executions[index].end = time;
                }
            }
            Role::Other => {}
        }
        before = time;
    }
    executions
}

impl Execution {
    fn new(node: u32, start: i64, start_at: Option<usize>) -> Self {
        Self {
            node,
            start,
            end: i64::MAX,
            start_at,
            end_at: None,
            members: Vec::new(),
            newest: 0,
            shared: false,
        }
    }
}

/// Gives each message to its execution. What lies outside all of them is given back, by the stretch between two
/// executions in which it lies.
fn deal(thread: &Thread, inside: &[usize], executions: &mut [Execution]) -> Vec<Vec<usize>> {
    let mut strays: Vec<Vec<usize>> = Vec::new();
    let mut stray_after = None;
    let mut begun = 0;
    let mut active: Vec<usize> = Vec::new();
    for &at in inside {
        let message = &thread.messages[at];
        let time = message.time.unwrap_or(i64::MIN);
        while executions
            .get(begun)
            .is_some_and(|execution| execution.start <= time)
        {
            active.push(begun);
            begun += 1;
        }
        active.retain(|index| executions[*index].end >= time);
        let candidates: Vec<usize> = active
            .iter()
            .copied()
            .filter(|index| executions[*index].takes(message, time))
            .collect();
        let expecting = candidates
            .iter()
            .rfind(|index| executions[**index].newest.checked_add(1) == Some(message.sequence));
        match expecting.or(candidates.last()) {
            Some(&index) => {
                let execution = &mut executions[index];
                execution.members.push(at);
                execution.newest = message.sequence;
                if candidates.len() > 1 {
                    for index in candidates {
                        executions[index].shared = true;
                    }
                }
            }
            None => {
                if stray_after != Some(begun) {
                    stray_after = Some(begun);
                    strays.push(Vec::new());
                }
                if let Some(stray) = strays.last_mut() {
                    stray.push(at);
                }
            }
        }
    }
    strays
}

/// The numbers of a counter of the graph, for looking up what is missing between two of them.
struct GraphNumbers<'a> {
    /// Places of its messages, in order.
    members: &'a [usize],
    sorted: Vec<u64>,
}

impl<'a> GraphNumbers<'a> {
    fn of(counter: &'a Counter) -> Self {
        let mut sorted: Vec<u64> = counter.numbers.iter().copied().collect();
        sorted.sort_unstable();
        Self {
            members: &counter.members,
            sorted,
        }
    }

    /// Whether it has every number between two that it has.
    fn is_whole_between(&self, first: u64, last: u64) -> bool {
        let place = |number| self.sorted.binary_search(&number).ok();
        match (place(first), place(last)) {
            (Some(from), Some(to)) => to.checked_sub(from).map(|seen| seen as u64) == last.checked_sub(first),
            _ => false,
        }
    }
}

/// Whether start and end of an execution are known and no number of the graph is missing between them, so that no
/// other start or end can have been lost there.
fn is_bounded(thread: &Thread, execution: &Execution, graph: &[GraphNumbers<'_>]) -> bool {
    let (Some(start), Some(end)) = (execution.start_at, execution.end_at) else {
        return false;
    };
    let counter_of = |at: usize| {
        graph
            .iter()
            .position(|counter| counter.members.binary_search(&at).is_ok())
    };
    let (first, last) = (&thread.messages[start], &thread.messages[end]);
    counter_of(start).is_some_and(|counter| {
        counter_of(end) == Some(counter) && graph[counter].is_whole_between(first.sequence, last.sequence)
    })
}
