//! Which messages are wanted.

use clap::ValueEnum;
use quipu::proto::{Header, Message};

/// The types of messages, as documents name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(super) enum TypeName {
    #[value(name = "Event")]
    Event,
    #[value(name = "StateDiff")]
    StateDiff,
    #[value(name = "TokenChunk")]
    TokenChunk,
    #[value(name = "ToolExecution")]
    ToolExecution,
    #[value(name = "Checkpoint")]
    Checkpoint,
    #[value(name = "Metrics")]
    Metrics,
    #[value(name = "Error")]
    Error,
    #[value(name = "EventBatch")]
    EventBatch,
    #[value(name = "ExecutionTrace")]
    ExecutionTrace,
}

impl TypeName {
    /// The type of the documents that a message becomes.
    fn of(message: &Message<'_>, expand_batches: bool) -> Self {
        match message {
            Message::Event(_) => Self::Event,
            Message::StateDiff(_) => Self::StateDiff,
            Message::TokenChunk(_) => Self::TokenChunk,
            Message::ToolExecution(_) => Self::ToolExecution,
            Message::Checkpoint(_) => Self::Checkpoint,
            Message::Metrics(_) => Self::Metrics,
            Message::Error(_) => Self::Error,
            Message::EventBatch(_) if expand_batches => Self::Event,
            Message::EventBatch(_) => Self::EventBatch,
            Message::ExecutionTrace(_) => Self::ExecutionTrace,
        }
    }
}

/// A choice of messages. An empty list chooses all.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) partitions: Vec<i32>,
    pub(super) threads: Vec<String>,
    pub(super) tenants: Vec<String>,
    pub(super) types: Vec<TypeName>,
}

impl Choice {
    /// Whether records of that partition are wanted.
    pub(super) fn has_partition(&self, partition: i32) -> bool {
        self.partitions.is_empty() || self.partitions.contains(&partition)
    }

    /// Whether documents of that message may be wanted.
    pub(super) fn has_type(&self, message: &Message<'_>, expand_batches: bool) -> bool {
        self.types.is_empty() || self.types.contains(&TypeName::of(message, expand_batches))
    }

    /// Whether a document with that header is wanted. Without a header it is of no thread and no tenant.
    pub(super) fn has_header(&self, header: Option<&Header<'_>>) -> bool {
        let has =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        has(&self.threads, header.map_or("", |header| header.thread_id))
            && has(&self.tenants, header.map_or("", |header| header.tenant_id))
    }

    /// Whether messages are left out by what they say, not by where they lie.
    pub(super) fn looks_inside(&self) -> bool {
        !(self.threads.is_empty() && self.tenants.is_empty() && self.types.is_empty())
    }
}
