//! What was begun and has not ended.

use std::fmt;
use std::time::Instant;

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::error::Severity;
use quipu_proto::message::tool_execution::ExecutionStage;
use quipu_proto::message::{Error, EventType, ToolExecution};

use super::attributes::Attributes;
use super::clock;
use super::message_id::MessageId;

/// Why something ended that nobody ended, or how it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The application said so.
    Failed,
    /// It was dropped without an end: an early return, or a task that was cancelled.
    Dropped,
    /// It was dropped while its thread panicked.
    Panicked,
    /// Its run ended before it did.
    LeftOpen,
    /// Another run began on the same thread.
    Superseded,
}

impl Reason {
    /// The reason for an end by drop.
    pub(super) fn of_drop() -> Self {
        if std::thread::panicking() {
            Self::Panicked
        } else {
            Self::Dropped
        }
    }

    /// The reason as it stands in attribute `reason`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Panicked => "panicked",
            Self::LeftOpen => "left_open",
            Self::Superseded => "superseded",
        }
    }

    /// The error of what ended so without an error of its own.
    pub(super) fn error(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Dropped => "dropped before it ended",
            Self::Panicked => "its thread panicked",
            Self::LeftOpen => "not ended before the end of its run",
            Self::Superseded => "another run began on the thread before it ended",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that was begun.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) what: What,
    /// The node that it is, or lies in; empty outside of nodes.
    pub(super) node_id: String,
    /// The run that it lies in, if it lies in one.
    pub(super) run: Option<u64>,
    /// The message that told of its start.
    pub(super) start: MessageId,
    pub(super) started: Instant,
}

/// What was begun.
#[derive(Clone, Debug)]
pub(super) enum What {
    Node,
    Parallel,
    Llm {
        request_id: String,
        model: String,
        provider: String,
    },
    Tool {
        call_id: String,
        tool_name: String,
        retries: u32,
    },
}

impl Opened {
    /// The message that tells of its end by an error.
    pub(super) fn failure(&self, error: &str, reason: Reason) -> Message {
        let attributes = || {
            Attributes::default()
                .with("error", error)
                .with("reason", reason.as_str())
        };
        let mut event = match &self.what {
            What::Node => attributes().event(EventType::NodeError, &self.node_id),
            // There is no event for a parallel section that fails.
            What::Parallel => attributes().event(EventType::ParallelEnd, &self.node_id),
            What::Llm {
                request_id,
                model,
                provider,
            } => {
                let attributes = attributes()
                    .with("model", model.as_str())
                    .with("provider", (!provider.is_empty()).then_some(provider.as_str()));
                let mut event = attributes.event(EventType::LlmError, &self.node_id);
                event.llm_request_id.clone_from(request_id);
                event
            }
            What::Tool { .. } => return self.tool_failure(error, reason),
        };
        event.duration_us = clock::since_us(self.started);
        Message::Event(event)
    }

    fn tool_failure(&self, error: &str, reason: Reason) -> Message {
        let mut execution = self.stage(ExecutionStage::Failed);
        execution.duration_us = clock::since_us(self.started);
        execution.error = error.to_owned();
        let mut details = Error {
            message: error.to_owned(),
            severity: Severity::Error.into(),
            ..Error::default()
        };
        if reason != Reason::Failed {
            details.error_code = reason.as_str().to_uppercase();
        }
        if !self.node_id.is_empty() {
            details.context.insert("node_id".to_owned(), self.node_id.clone());
        }
        execution.error_details = Some(details);
        Message::ToolExecution(execution)
    }

    /// A stage of a tool call.
    pub(super) fn stage(&self, stage: ExecutionStage) -> ToolExecution {
        let mut execution = ToolExecution {
            stage: stage.into(),
            ..ToolExecution::default()
        };
        if let What::Tool {
            call_id,
            tool_name,
            retries,
        } = &self.what
        {
            execution.call_id.clone_from(call_id);
            execution.tool_name.clone_from(tool_name);
            execution.retry_count = *retries;
        }
        execution
    }
}
