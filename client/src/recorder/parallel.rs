//! A section whose branches run at the same time.

use quipu_proto::message::EventType;
use quipu_proto::message::dash_stream_message::Message;
use serde_json::Value;

use super::attributes::Attributes;
use super::clock;
use super::node::Node;
use super::opened::{Opened, What};
use super::scope::Scope;

/// A section whose branches run at the same time, from PARALLEL_START to PARALLEL_END. Each branch is a [`Node`] with events of
/// its own, and can be given to a task or thread.
///
/// Dropped without an end, its PARALLEL_END tells an error.
#[derive(Debug)]
pub struct Parallel {
    scope: Scope,
    key: u64,
    opened: Opened,
}

impl Parallel {
    pub(super) fn start(within: &Scope, branches: Vec<String>) -> Self {
        // The section stands where a node would: its name is that of all branches.
        let names = branches.join(",");
        let mut scope = within.clone();
        scope.node_id.clone_from(&names);
        let mut opened = scope.opened(What::Parallel);
        let message = Message::Event(Attributes::default().event(EventType::ParallelStart, &names));
        let key = scope
            .thread
            .open(&within.start, scope.thread.redacted(message), &mut opened);
        scope.start = opened.start.clone();
        Self { scope, key, opened }
    }

    /// Starts a branch.
    #[must_use = "a branch that is dropped has failed"]
    pub fn branch(&self, node_id: impl Into<String>) -> Node {
        Node::start(&self.scope, node_id.into(), [] as [(&str, Value); 0])
    }

    /// All branches have ended.
    pub fn end(self) {
        let mut event = Attributes::default().event(EventType::ParallelEnd, &self.scope.node_id);
        event.duration_us = clock::since_us(self.opened.started);
        self.scope.thread.close(self.key, [Message::Event(event)]);
    }
}

impl Drop for Parallel {
    fn drop(&mut self) {
        self.scope.thread.close_dropped(self.key);
    }
}
