//! An execution of a node.

use std::fmt::Display;
use std::ops::Deref;

use quipu_proto::message::EventType;
use quipu_proto::message::dash_stream_message::Message;
use serde_json::Value;

use super::attributes::Attributes;
use super::clock;
use super::opened::{Opened, Reason, What};
use super::scope::Scope;

/// An execution of a node, from NODE_START to NODE_END or NODE_ERROR. It is a [`Scope`]: what happens in the node is told by it.
///
/// Dropped without an end, it has failed: the reason is `dropped`, or `panicked` while its thread panics.
#[derive(Debug)]
pub struct Node {
    scope: Scope,
    key: u64,
    opened: Opened,
}

impl Node {
    pub(super) fn start<'a>(
        within: &Scope,
        node_id: String,
        attributes: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Self {
        let mut told = Attributes::default();
        for (name, value) in attributes {
            told.set(name, value);
        }
        let mut scope = within.clone();
        scope.about = ("node", node_id.clone());
        scope.node_id = node_id;
        let mut opened = scope.opened(What::Node);
        let message = Message::Event(told.event(EventType::NodeStart, &scope.node_id));
        let key = scope
            .thread
            .open(&within.start, scope.thread.redacted(message), &mut opened);
        scope.start = opened.start.clone();
        Self { scope, key, opened }
    }

    /// The name of the node.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.scope.node_id
    }

    /// The node has done its work.
    pub fn end(self) {
        let mut event = Attributes::default().event(EventType::NodeEnd, &self.scope.node_id);
        event.duration_us = clock::since_us(self.opened.started);
        self.scope.thread.close(self.key, [Message::Event(event)]);
    }

    /// The node has failed.
    pub fn fail(self, error: &(impl Display + ?Sized)) {
        let error = self.scope.thread.redacted_text(&format!("{error:#}"));
        let message = self.opened.failure(&error, Reason::Failed);
        self.scope.thread.close(self.key, [message]);
    }

    /// Ends the node as its result says, and gives the result back.
    ///
    /// # Errors
    /// Those of the result.
    pub fn finish<T, E: Display>(self, result: Result<T, E>) -> Result<T, E> {
        match &result {
            Ok(_) => self.end(),
            Err(error) => self.fail(error),
        }
        result
    }
}

impl Deref for Node {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.scope.thread.close_dropped(self.key);
    }
}
