//! The nine kinds of message.

use quipu_proto::message::DashStreamMessage;
use quipu_proto::message::dash_stream_message::Message;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One event of a graph, a node, a model or a tool.
    Event,
    /// A change of the state.
    StateDiff,
    /// A piece of a streamed answer.
    TokenChunk,
    /// A stage of a tool call.
    ToolExecution,
    /// A whole state.
    Checkpoint,
    /// Named numbers.
    Metrics,
    /// A failure.
    Error,
    /// Several events.
    EventBatch,
    /// The summary of a run.
    ExecutionTrace,
}

impl Kind {
    /// All kinds, in the order of their numbers in the protocol.
    pub const ALL: [Self; 9] = [
        Self::Event,
        Self::StateDiff,
        Self::TokenChunk,
        Self::ToolExecution,
        Self::Checkpoint,
        Self::Metrics,
        Self::Error,
        Self::EventBatch,
        Self::ExecutionTrace,
    ];

    /// The kind of a message, none for one without content.
    #[must_use]
    pub fn of(message: &DashStreamMessage) -> Option<Self> {
        Some(match message.message.as_ref()? {
            Message::Event(_) => Self::Event,
            Message::StateDiff(_) => Self::StateDiff,
            Message::TokenChunk(_) => Self::TokenChunk,
            Message::ToolExecution(_) => Self::ToolExecution,
            Message::Checkpoint(_) => Self::Checkpoint,
            Message::Metrics(_) => Self::Metrics,
            Message::Error(_) => Self::Error,
            Message::EventBatch(_) => Self::EventBatch,
            Message::ExecutionTrace(_) => Self::ExecutionTrace,
        })
    }

    /// Its place in [`Kind::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The value of `Header.type` for it.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32 + 1
    }
}
