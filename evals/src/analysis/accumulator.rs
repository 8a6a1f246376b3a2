//! Everything counted so far.

use hashbrown::HashMap;

use super::Counting;
use super::document::{Body, Document, Event, ToolStage};
use super::errors::{ErrorTally, is_error};
use super::node::NodeTally;
use super::report::Report;
use super::runs::{RunTally, is_alert};
use super::session::{Session, SessionName, SessionRef};
use super::tool::{Call, ToolTally};
use super::{reference, rows};

/// Counts documents. Its result depends on which documents there are and on the places that they are given, not on the
/// order in which they are added: parts of an input may be counted apart and put together.
#[derive(Debug)]
pub struct Accumulator {
    pub(super) counting: Counting,
    pub(super) sessions: HashMap<SessionName, Session>,
    pub(super) nodes: HashMap<Box<str>, NodeTally>,
    /// Tools as far as they are counted without their calls.
    pub(super) tools: HashMap<Box<str>, ToolTally>,
    pub(super) errors: ErrorTally,
    pub(super) runs: RunTally,
    /// Messages by type, in the order of [`Body::TYPES`].
    pub(super) messages: [u64; 9],
    /// Events in batches.
    pub(super) batched_events: u64,
    pub(super) traces_completed: u64,
}

impl Accumulator {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(counting: Counting) -> Self {
        Self {
            counting,
            sessions: HashMap::new(),
            nodes: HashMap::new(),
            tools: HashMap::new(),
            errors: ErrorTally::default(),
            runs: RunTally::default(),
            messages: [0; 9],
            batched_events: 0,
            traces_completed: 0,
        }
    }

    /// Counts a document. `order` is its place among all documents.
    pub fn add(&mut self, order: u64, document: &Document<'_>) {
        self.messages[document.body.index()] += 1;
        if self.counting == Counting::Reference {
            return reference::add(self, order, document);
        }
        let name = SessionRef {
            tenant_id: document.tenant_id,
            thread_id: document.thread_id,
        };
        let session = self.sessions.entry_ref(&name).or_default();
        session.arrive(order, document.tenant_id);
        session.extend(document.time_us);
        match &document.body {
            Body::Event(event) => {
                session.events += 1;
                add_event(session, &mut self.nodes, &mut self.errors, event);
                self.runs.add(event);
            }
            Body::TokenChunk(chunk) => session.tokens.add(chunk),
            Body::ToolExecution(stage) if stage.call_id.is_empty() => {
                add_loose(session, &mut self.tools, order, stage);
            }
            Body::ToolExecution(stage) => session.add_stage(order, stage),
            Body::Error { severity } => {
                session.error_messages += 1;
                session.errors += u64::from(is_error(severity));
                self.errors.add_message(severity);
            }
            Body::EventBatch { event_count } => self.batched_events += event_count,
            Body::ExecutionTrace { completed } => self.traces_completed += u64::from(*completed),
            Body::StateDiff | Body::Checkpoint | Body::Metrics => {}
        }
    }

    /// Takes in what was counted apart.
    pub fn merge(&mut self, other: Self) {
        for (name, session) in other.sessions {
            self.sessions.entry(name).or_default().merge(session);
        }
        for (id, node) in other.nodes {
            self.nodes.entry(id).or_default().merge(node);
        }
        for (name, tool) in other.tools {
            self.tools.entry(name).or_default().merge(tool);
        }
        self.errors.merge(other.errors);
        self.runs.merge(other.runs);
        for (count, other) in self.messages.iter_mut().zip(other.messages) {
            *count += other;
        }
        self.batched_events += other.batched_events;
        self.traces_completed += other.traces_completed;
    }

    /// The finished numbers.
    #[must_use]
    pub fn report(self) -> Report {
        rows::report(self)
    }
}

fn add_event(
    session: &mut Session,
    nodes: &mut HashMap<Box<str>, NodeTally>,
    errors: &mut ErrorTally,
    event: &Event<'_>,
) {
    match event.event_type {
        // An end of anything else that names a node is no execution of it.
        "NODE_END" => {
            if let Some(node_id) = event.node_id {
                session.add_node(node_id);
                nodes
                    .entry_ref(node_id)
                    .or_default()
                    .add_execution(event.duration_ms);
            }
        }
        "NODE_ERROR" => {
            if let Some(node_id) = event.node_id {
                session.add_node(node_id);
                nodes.entry_ref(node_id).or_default().errors += 1;
            }
        }
        "GRAPH_END" => session.runs_completed += 1,
        "GRAPH_ERROR" if !is_alert(event) => session.runs_failed += 1,
        _ => {}
    }
    if event.event_type.ends_with("_ERROR") && !is_alert(event) {
        session.error_events += 1;
        errors.add_event(event.event_type);
    }
}

/// Stages without a call id cannot be put together: each end stands for a call.
fn add_loose(
    session: &mut Session,
    tools: &mut HashMap<Box<str>, ToolTally>,
    order: u64,
    stage: &ToolStage<'_>,
) {
    if !matches!(stage.stage, "COMPLETED" | "FAILED") {
        return;
    }
    let mut call = Call::default();
    call.add(order, stage);
    session.loose_calls += 1;
    session.loose_failed += u64::from(call.is_failed());
    tools.entry_ref(stage.tool_name).or_default().add_call(&call);
}
