//! A place in a run: the graph itself, or a node of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use quipu_proto::message::EventType;
use quipu_proto::message::dash_stream_message::Message;
use serde::Serialize;
use serde_json::Value;

use super::attributes::Attributes;
use super::llm::{Llm, LlmRequest};
use super::message_id::MessageId;
use super::metric::{self, Metric};
use super::node::Node;
use super::opened::{Opened, What};
use super::parallel::Parallel;
use super::problem::Problem;
use super::thread::Thread;
use super::tool::Tool;

/// A place in a run, where things happen: the graph itself, or a node of it. A [`Run`](super::Run) and a [`Node`] are places; a
/// clone of one can be given to a task, and is worth nothing after the end of the run: what comes then is not sent, but counted
/// as late.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(super) thread: Arc<Thread>,
    pub(super) run: Option<u64>,
    /// Empty outside of nodes.
    pub(super) node_id: String,
    /// What its metrics are about: the kind, and the name.
    pub(super) about: (&'static str, String),
    /// The message that told of its start.
    pub(super) start: MessageId,
}

impl Scope {
    /// Starts a node, or a node within this one. It ends by [`Node::end`] or [`Node::fail`].
    #[must_use = "a node that is dropped has failed"]
    pub fn node_start(&self, node_id: impl Into<String>) -> Node {
        self.node_start_with(node_id, [] as [(&str, Value); 0])
    }

    /// The same, with attributes.
    #[must_use = "a node that is dropped has failed"]
    pub fn node_start_with<'a>(
        &self,
        node_id: impl Into<String>,
        attributes: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Node {
        Node::start(self, node_id.into(), attributes)
    }

    /// Starts a section whose branches run at the same time. Each branch is a node: [`Parallel::branch`].
    #[must_use = "a section that is dropped has failed"]
    pub fn parallel_start<T: Into<String>>(&self, branches: impl IntoIterator<Item = T>) -> Parallel {
        Parallel::start(self, branches.into_iter().map(Into::into).collect())
    }

    /// Tells that the run goes from one node to another; `__end__` is the end. With the result of a condition it is a branch
    /// that was chosen by it.
    pub fn edge(&self, from: &str, to: &str, condition: Option<&str>) {
        let event_type = match condition {
            None => EventType::EdgeTraversal,
            Some(_) => EventType::ConditionalBranch,
        };
        let attributes = Attributes::default()
            .with("edge_from", from)
            .with("edge_to", to)
            .with("condition_result", condition);
        self.send(Message::Event(attributes.event(event_type, from)));
    }

    /// Starts a request to a model. It ends by [`Llm::end`] or [`Llm::fail`].
    #[must_use = "a request that is dropped has failed"]
    pub fn llm_start(&self, request: LlmRequest) -> Llm {
        Llm::start(self, request)
    }

    /// Tells that a tool is asked for, with its arguments as JSON. The call ends by [`Tool::completed`] or [`Tool::failed`].
    #[must_use = "a call that is dropped has failed"]
    pub fn tool_requested(&self, tool_name: impl Into<String>, arguments: &impl Serialize) -> Tool {
        Tool::request(self, crate::ids::random_name(), tool_name.into(), arguments)
    }

    /// The same for a call that has a name already, as models give them.
    #[must_use = "a call that is dropped has failed"]
    pub fn tool_requested_as(
        &self,
        call_id: impl Into<String>,
        tool_name: impl Into<String>,
        arguments: &impl Serialize,
    ) -> Tool {
        Tool::request(self, call_id.into(), tool_name.into(), arguments)
    }

    /// Tells of the new state: as the difference to the state before, or whole where that is shorter. Call it before the end of
    /// the node that made it. A state that cannot be written as JSON, or is larger than
    /// [`state_bytes_max`](super::RecorderBuilder::state_bytes_max), is left out and counted.
    pub fn state(&self, state: &impl Serialize) {
        match serde_json::to_value(state) {
            Ok(mut state) => {
                self.thread.redactor.redact_value(&mut state);
                self.thread.state(self.run, &self.start, state);
            }
            Err(error) => self.thread.state_skipped(&error),
        }
    }

    /// Tells values of this place.
    pub fn metrics(&self, metrics: impl IntoIterator<Item = Metric>) {
        self.metrics_with(metrics, [] as [(&str, &str); 0]);
    }

    /// The same, with tags.
    pub fn metrics_with<'a>(
        &self,
        metrics: impl IntoIterator<Item = Metric>,
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        let tags = tags
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let (scope, scope_id) = &self.about;
        self.send(Message::Metrics(metric::metrics(scope, scope_id, metrics, tags)));
    }

    /// Tells of an error. It ends nothing: see [`Node::fail`].
    pub fn error(&self, problem: Problem) {
        let mut context = BTreeMap::new();
        if !self.node_id.is_empty() {
            context.insert("node_id".to_owned(), self.node_id.clone());
        }
        self.send(Message::Error(problem.into_error(context)));
    }

    /// Tells how far it is, from 0 to 1.
    pub fn progress(&self, message: &str, share: f64) {
        let attributes = Attributes::default()
            .with("message", message)
            .with("percent", share);
        self.event(EventType::NodeProgress, attributes);
    }

    /// Tells a thought, with its number.
    pub fn thinking(&self, thought: &str, step: i64) {
        let attributes = Attributes::default().with("thought", thought).with("step", step);
        self.event(EventType::NodeThinking, attributes);
    }

    /// Tells of a part of the work, such as `starting` or `complete`.
    pub fn substep(&self, name: &str, status: &str) {
        let attributes = Attributes::default()
            .with("substep_name", name)
            .with("status", status);
        self.event(EventType::NodeSubstep, attributes);
    }

    /// Tells of something that is no error yet.
    pub fn warning(&self, warning: &str) {
        self.event(
            EventType::NodeWarning,
            Attributes::default().with("warning", warning),
        );
    }

    fn event(&self, event_type: EventType, attributes: Attributes) {
        self.send(Message::Event(attributes.event(event_type, &self.node_id)));
    }

    /// Sends a message, without its secrets.
    pub(crate) fn send(&self, message: Message) {
        let message = self.thread.redacted(message);
        self.thread.send(self.run, &self.start, message);
    }

    /// The tenant and the thread.
    pub(crate) fn names(&self) -> (&str, &str) {
        (&self.thread.tenant_id, &self.thread.thread_id)
    }

    /// What begins now at this place.
    pub(super) fn opened(&self, what: What) -> Opened {
        Opened {
            what,
            node_id: self.node_id.clone(),
            run: self.run,
            start: MessageId::default(),
            started: Instant::now(),
        }
    }
}
