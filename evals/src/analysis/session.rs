//! Sessions: what is counted of one thread.

use std::hash::{Hash, Hasher};

use hashbrown::{Equivalent, HashMap, HashSet};

use super::document::ToolStage;
use super::tokens::Tokens;
use super::tool::Call;

/// The name of a session. Under reference counting the tenant is no part of it and stays empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionName {
    pub(super) tenant_id: Box<str>,
    pub(super) thread_id: Box<str>,
}

/// The name of a session, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionRef<'a> {
    pub(super) tenant_id: &'a str,
    pub(super) thread_id: &'a str,
}

impl Hash for SessionName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let name = SessionRef {
            tenant_id: &self.tenant_id,
            thread_id: &self.thread_id,
        };
        name.hash(state);
    }
}

impl Equivalent<SessionName> for SessionRef<'_> {
    fn equivalent(&self, name: &SessionName) -> bool {
        *self.thread_id == *name.thread_id && *self.tenant_id == *name.tenant_id
    }
}

impl From<&SessionRef<'_>> for SessionName {
    fn from(name: &SessionRef<'_>) -> Self {
        Self {
            tenant_id: name.tenant_id.into(),
            thread_id: name.thread_id.into(),
        }
    }
}

/// What is counted of one session.
#[derive(Debug)]
pub(super) struct Session {
    /// Place of its first message, and the tenant of that.
    pub(super) first: Option<(u64, Box<str>)>,
    pub(super) events: u64,
    /// First and last time; the first is above the last where there is none.
    times: (i64, i64),
    pub(super) nodes: HashSet<Box<str>>,
    /// Messages about tools, under reference counting only.
    pub(super) tool_messages: u64,
    pub(super) calls: HashMap<Box<str>, Call>,
    /// Calls without an id, which cannot be put together from their stages: those that ended, and those of them that
    /// failed.
    pub(super) loose_calls: u64,
    pub(super) loose_failed: u64,
    pub(super) tokens: Tokens,
    pub(super) errors: u64,
    pub(super) error_messages: u64,
    pub(super) error_events: u64,
    pub(super) runs_completed: u64,
    pub(super) runs_failed: u64,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            first: None,
            events: 0,
            times: (i64::MAX, i64::MIN),
            nodes: HashSet::new(),
            tool_messages: 0,
            calls: HashMap::new(),
            loose_calls: 0,
            loose_failed: 0,
            tokens: Tokens::default(),
            errors: 0,
            error_messages: 0,
            error_events: 0,
            runs_completed: 0,
            runs_failed: 0,
        }
    }
}

impl Session {
    /// A message came at this place of the input.
    pub(super) fn arrive(&mut self, order: u64, tenant_id: &str) {
        if self.first.as_ref().is_none_or(|(first, _)| order < *first) {
            self.first = Some((order, tenant_id.into()));
        }
    }

    /// A message has this time.
    pub(super) fn extend(&mut self, time_us: Option<i64>) {
        if let Some(time) = time_us {
            self.times = (self.times.0.min(time), self.times.1.max(time));
        }
    }

    /// Milliseconds from the first to the last message.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn duration_ms(&self) -> f64 {
        let (first, last) = self.times;
        if first > last {
            return 0.0;
        }
        // A clock may be anywhere, so that the difference of two times may not fit.
        (i128::from(last) - i128::from(first)) as f64 / 1_000.0
    }

    pub(super) fn add_node(&mut self, node_id: &str) {
        if !self.nodes.contains(node_id) {
            self.nodes.insert(node_id.into());
        }
    }

    /// Adds a stage of a call that has an id.
    pub(super) fn add_stage(&mut self, order: u64, stage: &ToolStage<'_>) {
        self.calls.entry_ref(stage.call_id).or_default().add(order, stage);
    }

    pub(super) fn merge(&mut self, other: Self) {
        if let Some((order, tenant)) = other.first
            && self.first.as_ref().is_none_or(|(first, _)| order < *first)
        {
            self.first = Some((order, tenant));
        }
        self.events += other.events;
        self.times = (self.times.0.min(other.times.0), self.times.1.max(other.times.1));
        self.nodes.extend(other.nodes);
        self.tool_messages += other.tool_messages;
        for (id, call) in other.calls {
            self.calls.entry(id).or_default().merge(call);
        }
        self.loose_calls += other.loose_calls;
        self.loose_failed += other.loose_failed;
        self.tokens.merge(other.tokens);
        self.errors += other.errors;
        self.error_messages += other.error_messages;
        self.error_events += other.error_events;
        self.runs_completed += other.runs_completed;
        self.runs_failed += other.runs_failed;
    }
}
