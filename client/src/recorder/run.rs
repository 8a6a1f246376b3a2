//! A run of a graph.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use quipu_proto::message::EventType;
use quipu_proto::message::dash_stream_message::Message;

use super::attributes::Attributes;
use super::graph::Graph;
use super::opened::Reason;
use super::scope::Scope;
use super::thread::Thread;
use super::{clock, graph_start};

/// A run of a graph, from GRAPH_START to GRAPH_END or GRAPH_ERROR. It is a [`Scope`]: its nodes are started by it.
///
/// A run always ends. Dropped without an end it has failed: the reason is `dropped`, or `panicked` while its thread panics. What
/// is still open in it (nodes, requests, tool calls) ends before, by an error.
#[derive(Debug)]
pub struct Run {
    scope: Scope,
    run: u64,
    started: Instant,
}

impl Run {
    pub(super) fn start(thread: &Arc<Thread>, graph: &Graph) -> Self {
        let exported_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let message = thread.redacted(Message::Event(graph_start::event(graph, &exported_at)));
        // The state is redacted as a value, once: differences are told against what is sent here.
        let initial = match &graph.initial_state {
            None => None,
            Some(Ok(state)) => {
                let mut state = state.clone();
                thread.redactor.redact_value(&mut state);
                Some(state)
            }
            Some(Err(why)) => {
                thread.state_skipped(why);
                None
            }
        };
        let superseded = |started: Instant| ended(started, Reason::Superseded.error(), Reason::Superseded);
        let started = Instant::now();
        let (run, start) = thread.begin_run(message, started, initial, superseded);
        let name = if graph.name.is_empty() {
            "unnamed"
        } else {
            &graph.name
        };
        Self {
            scope: Scope {
                thread: Arc::clone(thread),
                run: Some(run),
                node_id: String::new(),
                about: ("graph", name.to_owned()),
                start,
            },
            run,
            started,
        }
    }

    /// The run has done its work.
    pub fn end(self) {
        let mut event = Attributes::default().event(EventType::GraphEnd, "");
        event.duration_us = clock::since_us(self.started);
        self.finish_with(Message::Event(event), Reason::LeftOpen);
    }

    /// The run has failed.
    pub fn fail(self, error: &(impl Display + ?Sized)) {
        let error = self.scope.thread.redacted_text(&format!("{error:#}"));
        let message = ended(self.started, &error, Reason::Failed);
        self.finish_with(message, Reason::LeftOpen);
    }

    /// Ends the run as its result says, and gives the result back.
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

    fn finish_with(&self, message: Message, of_open: Reason) {
        self.scope
            .thread
            .end_run(self.run, &self.scope.start, message, of_open);
    }
}

/// The GRAPH_ERROR of a run that began then.
fn ended(started: Instant, error: &str, reason: Reason) -> Message {
    let mut event = Attributes::default()
        .with("error", error)
        .with("reason", reason.as_str())
        .event(EventType::GraphError, "");
    event.duration_us = clock::since_us(started);
    Message::Event(event)
}

impl Deref for Run {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.scope.thread.is_run(self.run) {
            let reason = Reason::of_drop();
            self.finish_with(ended(self.started, reason.error(), reason), reason);
        }
    }
}
