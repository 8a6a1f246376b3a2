//! Streams as applications make them, seeded, with the truth about their counters.

use std::collections::{BTreeMap, BTreeSet};

use quipu_proto::Emitter;

use super::super::{Evidence, Role};

/// What an application is like, and what becomes of its messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    pub(super) application: Application,
    /// By how many places a message may be overtaken.
    pub(super) overtaking: u64,
    pub(super) loss_percent: u64,
    pub(super) copies_percent: u64,
    /// Whether messages have no time.
    pub(super) timeless: bool,
    /// By how much the time of a message may lie off the order in which it was numbered.
    pub(super) jitter_us: u64,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            application: Application::OneCounter { restarts: 0 },
            overtaking: 0,
            loss_percent: 0,
            copies_percent: 0,
            timeless: false,
            jitter_us: 0,
        }
    }
}

/// Who counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Application {
    /// One counter for everything, from 1 in every process.
    OneCounter { restarts: u64 },
    /// The graph in every process from 1, and each execution of a node from 1.
    GraphAndNodes { restarts: u64 },
}

/// A message, and the counter in truth.
#[derive(Clone, Copy)]
struct Sent {
    evidence: Evidence,
    counter: usize,
    arrives: bool,
}

/// The messages of one thread.
pub(super) struct Stream {
    sent: Vec<Sent>,
    /// What arrived, copies included.
    pub(super) arrived: Vec<Evidence>,
    counter_of_offset: BTreeMap<i64, usize>,
}

impl Stream {
    pub(super) fn of(seed: u64, traits: Traits) -> Self {
        let mut maker = Maker {
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1),
            clock: 1_700_000_000_000_000,
            counters: 0,
            sent: Vec::new(),
        };
        let (restarts, apart) = match traits.application {
            Application::OneCounter { restarts } => (restarts, false),
            Application::GraphAndNodes { restarts } => (restarts, true),
        };
        for _ in 0..=restarts {
            maker.process(apart);
        }
        let Maker {
            mut dice, mut sent, ..
        } = maker;
        let mut order: Vec<(u64, usize)> = Vec::new();
        for (index, sent) in sent.iter_mut().enumerate() {
            sent.arrives = dice.below(100) >= traits.loss_percent;
            if sent.arrives {
                order.push((index as u64 + dice.below(traits.overtaking + 1), index));
                if dice.below(100) < traits.copies_percent {
                    order.push((index as u64 + dice.below(60), index));
                }
            }
            let jitter = dice.below(traits.jitter_us + 1) as i64;
            sent.evidence.time = sent.evidence.time.map(|time| time + jitter);
            if traits.timeless {
                sent.evidence.time = None;
            }
        }
        order.sort();
        let mut counter_of_offset = BTreeMap::new();
        let arrived = order.iter().zip(0..).map(|((_, index), offset)| {
            let sent = &sent[*index];
            counter_of_offset.insert(offset, sent.counter);
            Evidence {
                offset,
                ..sent.evidence
            }
        });
        let arrived = arrived.collect();
        Self {
            sent,
            arrived,
            counter_of_offset,
        }
    }

    /// By counter, the numbers that did not arrive below one that did.
    pub(super) fn missing(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        let mut newest: BTreeMap<usize, u64> = BTreeMap::new();
        for sent in self.sent.iter().filter(|sent| sent.arrives) {
            let newest = newest.entry(sent.counter).or_default();
            *newest = sent.evidence.sequence.max(*newest);
        }
        let mut missing: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        for sent in self.sent.iter().filter(|sent| !sent.arrives) {
            if newest
                .get(&sent.counter)
                .is_some_and(|newest| *newest > sent.evidence.sequence)
            {
                missing
                    .entry(sent.counter)
                    .or_default()
                    .insert(sent.evidence.sequence);
            }
        }
        missing
    }

    /// The counter in truth of the message at an offset.
    pub(super) fn counter_at(&self, offset: i64) -> Option<usize> {
        self.counter_of_offset.get(&offset).copied()
    }
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64, public domain, Sebastiano Vigna 2015.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// A counter in the application.
struct Count {
    counter: usize,
    newest: u64,
}

struct Maker {
    dice: Dice,
    clock: i64,
    counters: usize,
    sent: Vec<Sent>,
}

impl Maker {
    /// One process, killed after some of its runs or within one.
    fn process(&mut self, apart: bool) {
        let begun = self.sent.len();
        let mut graph = self.count();
        for _ in 0..1 + self.dice.below(3) {
            self.run(&mut graph, apart);
        }
        if self.dice.below(2) == 0 {
            let length = (self.sent.len() - begun) as u64;
            let keep = begun + 1 + self.dice.below(length) as usize;
            self.sent.truncate(keep);
        }
        self.clock += 1_000_000;
    }

    fn count(&mut self) -> Count {
        self.counters += 1;
        Count {
            counter: self.counters,
            newest: 0,
        }
    }

    /// One run of a graph, as the callback tells it.
    fn run(&mut self, graph: &mut Count, apart: bool) {
        self.send(graph, Emitter::Graph, Role::GraphBoundary, 0);
        for _ in 0..2 + self.dice.below(6) {
            let node = 1 + self.dice.below(3) as u32;
            self.send(graph, Emitter::Graph, Role::NodeStart, node);
            if self.dice.below(2) == 0 {
                let mut own = self.count();
                for _ in 0..1 + self.dice.below(12) {
                    // Tokens, tools and errors name no node.
                    let named = if self.dice.below(3) == 0 { node } else { 0 };
                    let count = if apart { &mut own } else { &mut *graph };
                    self.send(count, Emitter::Node, Role::Other, named);
                }
            }
            self.send(graph, Emitter::Graph, Role::Other, 0);
            self.send(graph, Emitter::Graph, Role::NodeEnd, node);
            self.send(graph, Emitter::Graph, Role::Other, node);
        }
        self.send(graph, Emitter::Graph, Role::Other, 0);
        self.send(graph, Emitter::Graph, Role::GraphBoundary, 0);
    }

    fn send(&mut self, count: &mut Count, emitter: Emitter, role: Role, node: u32) {
        self.clock += 1 + self.dice.below(5_000) as i64;
        count.newest += 1;
        let message_id = u128::from(self.dice.next()) + 1;
        self.sent.push(Sent {
            evidence: Evidence {
                sequence: count.newest,
                message_id,
                emitter,
                role,
                node,
                time: Some(self.clock),
                kafka_time: None,
                partition: 0,
                offset: 0,
                item: 0,
            },
            counter: count.counter,
            arrives: true,
        });
    }
}
