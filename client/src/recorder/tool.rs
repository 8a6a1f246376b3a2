//! A call of a tool.

use std::fmt::Display;

use quipu_proto::message::EventType;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::tool_execution::ExecutionStage;
use serde::Serialize;

use super::attributes::Attributes;
use super::clock;
use super::opened::{Opened, Reason, What};
use super::scope::Scope;

/// A call of a tool: REQUESTED, STARTED, RETRYING, and COMPLETED or FAILED.
///
/// A stage has no place for the node that calls, so a TOOL_START event goes with STARTED and tells it. Dropped without an end,
/// the call has failed.
#[derive(Debug)]
pub struct Tool {
    scope: Scope,
    key: u64,
    opened: Opened,
    call_id: String,
    tool_name: String,
}

impl Tool {
    pub(super) fn request(
        within: &Scope,
        call_id: String,
        tool_name: String,
        arguments: &impl Serialize,
    ) -> Self {
        let mut opened = within.opened(What::Tool {
            call_id: call_id.clone(),
            tool_name: tool_name.clone(),
            retries: 0,
        });
        let mut requested = opened.stage(ExecutionStage::Requested);
        requested.arguments = json(arguments);
        let message = within.thread.redacted(Message::ToolExecution(requested));
        let key = within.thread.open(&within.start, message, &mut opened);
        Self {
            scope: within.clone(),
            key,
            opened,
            call_id,
            tool_name,
        }
    }

    /// The id of the call.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The tool is at work.
    pub fn started(&self) {
        let event = Attributes::default()
            .with("tool_name", self.tool_name.as_str())
            .with("call_id", self.call_id.as_str())
            .event(EventType::ToolStart, &self.scope.node_id);
        self.scope.thread.send_within(self.key, |opened| {
            Message::ToolExecution(opened.stage(ExecutionStage::Started))
        });
        self.scope.thread.send_within(self.key, |_| Message::Event(event));
    }

    /// The tool failed and is tried again.
    pub fn retrying(&self, error: &(impl Display + ?Sized)) {
        let error = self.scope.thread.redacted_text(&format!("{error:#}"));
        self.scope.thread.send_within(self.key, |opened| {
            if let What::Tool { retries, .. } = &mut opened.what {
                *retries = retries.saturating_add(1);
            }
            let mut retrying = opened.stage(ExecutionStage::Retrying);
            retrying.error = error;
            Message::ToolExecution(retrying)
        });
    }

    /// The tool has answered, with this result as JSON.
    pub fn completed(self, result: &impl Serialize) {
        let mut completed = self.opened.stage(ExecutionStage::Completed);
        completed.result = json(result);
        completed.duration_us = clock::since_us(self.opened.started);
        let mut message = self.scope.thread.redacted(Message::ToolExecution(completed));
        self.scope.thread.close_with(self.key, |opened| {
            if let Message::ToolExecution(completed) = &mut message {
                completed.retry_count = opened.stage(ExecutionStage::Completed).retry_count;
            }
            message
        });
    }

    /// The tool has failed, and is not tried again.
    pub fn failed(self, error: &(impl Display + ?Sized)) {
        let error = self.scope.thread.redacted_text(&format!("{error:#}"));
        self.scope
            .thread
            .close_with(self.key, |opened| opened.failure(&error, Reason::Failed));
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.scope.thread.close_dropped(self.key);
    }
}

/// JSON text of a value; where there is none, an object that says why.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        let why = serde_json::json!({"not_json": error.to_string()});
        why.to_string().into_bytes()
    })
}
