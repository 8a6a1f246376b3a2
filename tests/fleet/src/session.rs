//! One session: an agent that runs its graph a few times on one thread.

use quipu_proto::message::{EventType, NodeExecutionRecord};
use serde_json::json;

use crate::catalog::{MODELS, Model, tenant};
use crate::dice::{BASE_62, Dice, HEX};
use crate::graphs::{END, GRAPHS, Graph, Next};
use crate::guide::Guide;
use crate::kind::Kind;
use crate::manifest;
use crate::outbox::{Batching, Draft, Outbox, attributes, event, int, text};
use crate::prose::Prose;
use crate::sent::number;
use crate::state::State;

/// Most node visits of a run: loops end then.
const VISITS_MAX: usize = 12;

/// How a session comes to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) seed: u64,
    /// Number of the session, from 0; no two are equal.
    pub(crate) index: u64,
    pub(crate) tenants: usize,
    /// When its first run begins, in microseconds since the Unix epoch.
    pub(crate) time_us: i64,
}

/// A run under way.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) began_us: i64,
    pub(crate) visits: Vec<NodeExecutionRecord>,
    pub(crate) errors: Vec<quipu_proto::message::ErrorRecord>,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// Before a run.
    Idle,
    /// Before the node of this index.
    At(usize),
    /// After the last node of a run.
    Finishing,
    /// It sends nothing any more.
    Over,
}

/// A session: who it is, where it stands, and what it has still to send.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) dice: Dice,
    pub(crate) prose: Prose,
    pub(crate) graph: &'static Graph,
    pub(crate) model: &'static Model,
    pub(crate) out: Outbox,
    pub(crate) state: State,
    pub(crate) run: Run,
    /// The checkpoint that diffs are relative to; empty if there is none.
    pub(crate) checkpoint_id: Vec<u8>,
    stand: Stand,
    runs_left: usize,
    next_sequence: u64,
}

impl Session {
    pub(crate) fn new(birth: Birth) -> Self {
        let mut dice = Dice::new(birth.seed, birth.index + 1);
        let prose = Prose::new(&mut dice);
        let graph = dice.weighted(&GRAPHS);
        // Half of the sessions belong to the two busiest tenants.
        let tenants = birth.tenants.max(1);
        let spread = dice.unit() * dice.unit();
        let tenant = tenant((spread * tenants as f64) as usize);
        let thread = thread_id(birth.index, &mut dice);
        let batching = if dice.chance(0.6) {
            Batching::On
        } else {
            Batching::Off
        };
        let runs_left = dice.weighted(&[(1, 40), (2, 25), (3, 20), (5, 10), (9, 5)]);
        Self {
            model: &MODELS[dice.below(MODELS.len())],
            out: Outbox::new(tenant, thread, birth.time_us, batching),
            dice,
            prose,
            graph,
            state: State::default(),
            run: Run::default(),
            checkpoint_id: Vec::new(),
            stand: Stand::Idle,
            runs_left,
            next_sequence: 1,
        }
    }

    /// When its next message is sent, after writing it if need be; none if the session is over.
    pub(crate) fn peek(&mut self, guide: &mut Guide) -> Option<&Draft> {
        while self.out.front().is_none() && self.stand != Stand::Over {
            self.step(guide);
        }
        self.out.front()
    }

    /// Takes its next message, numbered.
    pub(crate) fn pop(&mut self) -> Option<Draft> {
        let mut draft = self.out.pop()?;
        number(&mut draft, &mut self.next_sequence);
        Some(draft)
    }

    /// Begins no further run.
    pub(crate) fn retire(&mut self) {
        self.runs_left = 0;
        if self.stand == Stand::Idle {
            self.stand = Stand::Over;
        }
    }

    /// The id of its thread.
    pub(crate) fn thread(&self) -> &str {
        &self.out.thread
    }

    fn step(&mut self, guide: &mut Guide) {
        match self.stand {
            Stand::Idle => self.begin(guide),
            Stand::At(node) => {
                let went_well = self.visit(node, guide);
                if went_well {
                    self.leave(node, guide);
                } else {
                    self.fail(node, guide);
                }
            }
            Stand::Finishing => self.finish(guide),
            Stand::Over => {}
        }
    }

    /// GRAPH_START.
    fn begin(&mut self, guide: &mut Guide) {
        self.runs_left = self.runs_left.saturating_sub(1);
        let question = {
            let bytes = self.dice.log_normal(110.0, 0.5) as usize;
            self.prose.text(bytes, &mut self.dice)
        };
        self.state.clear();
        self.checkpoint_id.clear();
        self.state.set("status", "running".into());
        self.state.set("step", 0.into());
        // Some applications start with an empty state, so that their first diff is the larger one and travels whole.
        let asks_later = self.dice.chance(0.3);
        if !asks_later {
            self.take_question(&question);
        }
        let mut start = event(EventType::GraphStart, "");
        start.attributes = attributes([
            ("graph_name", text(self.graph.name)),
            ("graph_entry_point", text(self.graph.nodes[0].name)),
            ("graph_node_count", int(self.graph.nodes.len() as i64)),
            ("graph_edge_count", int(manifest::edge_count(self.graph) as i64)),
            ("schema_id", text(manifest::schema_id(self.graph))),
            ("graph_manifest", text(manifest::json(self.graph))),
            ("initial_state_json", text(self.state.json())),
        ]);
        self.state.settle();
        if asks_later {
            self.take_question(&question);
        }
        self.out.event(guide, &mut self.dice, start);
        if guide.wants(Kind::Event, 0.2, &mut self.dice) {
            self.remark(EventType::MemoryLoad, "", guide);
        }
        self.run = Run {
            began_us: self.out.clock_us,
            ..Run::default()
        };
        self.stand = Stand::At(0);
    }

    /// The question becomes part of the state.
    fn take_question(&mut self, question: &str) {
        self.state.set("question", question.into());
        self.state
            .push("messages", json!({"role": "user", "content": question}));
    }

    /// The edge after a node.
    fn leave(&mut self, node: usize, guide: &mut Guide) {
        let node = &self.graph.nodes[node];
        let visits = self.run.visits.len();
        let tired = visits >= VISITS_MAX || visits > 2 && guide.hurries();
        let (event_type, target) = match node.next {
            Next::Edge(target) => (EventType::EdgeTraversal, target),
            // The last choice leads on, the others may lead back.
            Next::Branch(targets) if tired => (
                EventType::ConditionalBranch,
                targets.last().map_or(END, |(target, _)| target),
            ),
            Next::Branch(targets) => (EventType::ConditionalBranch, self.dice.weighted(targets)),
        };
        let edge = event(event_type, node.name);
        self.out.event(guide, &mut self.dice, edge);
        self.stand = self.graph.find(target).map_or(Stand::Finishing, Stand::At);
    }

    /// A node failed: the run ends, often without a word.
    fn fail(&mut self, node: usize, guide: &mut Guide) {
        let name = self.graph.nodes[node].name;
        let error = self
            .run
            .errors
            .last()
            .map_or_else(String::new, |error| error.message.clone());
        let mut failed = event(EventType::NodeError, name);
        failed.attributes = attributes([("error", text(format!("node '{name}' failed: {error}")))]);
        self.out.event(guide, &mut self.dice, failed);
        if self.dice.chance(0.7) {
            let mut end = event(EventType::GraphError, "");
            end.duration_us = self.out.clock_us - self.run.began_us;
            end.attributes = attributes([("error", text(error)), ("failed_node", text(name))]);
            self.out.event(guide, &mut self.dice, end);
            self.trace(false, guide);
        }
        self.rest(guide);
    }

    /// The end of a run that went well.
    fn finish(&mut self, guide: &mut Guide) {
        self.state.set("status", "done".into());
        if guide.wants(Kind::StateDiff, 1.0, &mut self.dice) {
            self.diff(guide);
        }
        if guide.wants(Kind::Metrics, 0.8, &mut self.dice) {
            self.quality(guide);
        }
        if guide.wants(Kind::Event, 0.3, &mut self.dice) {
            self.remark(EventType::MemorySave, "", guide);
        }
        let mut end = event(EventType::GraphEnd, "");
        end.duration_us = self.out.clock_us - self.run.began_us;
        self.out.event(guide, &mut self.dice, end);
        self.trace(true, guide);
        self.rest(guide);
    }

    /// The pause until the next run, if there is one.
    fn rest(&mut self, guide: &mut Guide) {
        self.out.flush(guide, &mut self.dice);
        let pause_ms = self.dice.log_normal(18_000.0, 1.0);
        self.out.wait_ms(pause_ms);
        self.stand = if self.runs_left == 0 {
            Stand::Over
        } else {
            Stand::Idle
        };
    }
}

/// A thread id in one of the styles that applications use.
fn thread_id(index: u64, dice: &mut Dice) -> String {
    match dice.below(5) {
        0 => format!("thread-{:05}", 10_000 + index),
        1 => format!("conv_{index:05}_{}", dice.code(6, BASE_62)),
        2 => dice.code(24, HEX),
        3 if dice.chance(0.08) => format!("会話-{index}-{}", dice.code(4, BASE_62)),
        _ => dice.uuid_text(),
    }
}
