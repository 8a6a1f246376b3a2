//! One message as far as the analysis cares.

/// A message, from JSON or from a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Document<'a> {
    /// Its tenant, maybe empty.
    pub tenant_id: &'a str,
    /// Its thread, maybe empty.
    pub thread_id: &'a str,
    /// Producer's clock, microseconds since the Unix epoch.
    pub time_us: Option<i64>,
    /// The rest, by type.
    pub body: Body<'a>,
}

/// What is told by a message of each type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Body<'a> {
    /// One step of a graph.
    Event(Event<'a>),
    /// A change of state.
    StateDiff,
    /// A piece of a model's answer.
    TokenChunk(TokenChunk<'a>),
    /// One stage of a tool call.
    ToolExecution(ToolStage<'a>),
    /// A whole state.
    Checkpoint,
    /// Named values.
    Metrics,
    /// A failure, or less.
    Error {
        /// Name of the severity.
        severity: &'a str,
    },
    /// Several events, which are documents of their own or not at hand.
    EventBatch {
        /// How many.
        event_count: u64,
    },
    /// A whole execution.
    ExecutionTrace {
        /// Whether it came to its end.
        completed: bool,
    },
}

impl Body<'_> {
    /// The names of the types, in the order of [`Self::index`].
    pub(super) const TYPES: [&'static str; 9] = [
        "Event",
        "StateDiff",
        "TokenChunk",
        "ToolExecution",
        "Checkpoint",
        "Metrics",
        "Error",
        "EventBatch",
        "ExecutionTrace",
    ];

    /// Place of the type in [`Self::TYPES`].
    pub(super) fn index(&self) -> usize {
        match self {
            Self::Event(_) => 0,
            Self::StateDiff => 1,
            Self::TokenChunk(_) => 2,
            Self::ToolExecution(_) => 3,
            Self::Checkpoint => 4,
            Self::Metrics => 5,
            Self::Error { .. } => 6,
            Self::EventBatch { .. } => 7,
            Self::ExecutionTrace { .. } => 8,
        }
    }
}

/// An Event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event<'a> {
    /// Name of the event type: `NODE_END`.
    pub event_type: &'a str,
    /// The node; none on graph level.
    pub node_id: Option<&'a str>,
    /// Milliseconds.
    pub duration_ms: Option<f64>,
}

/// A TokenChunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenChunk<'a> {
    /// The request that it answers, maybe empty.
    pub request_id: &'a str,
    /// Its token counts.
    pub stats: Option<TokenStats>,
}

/// Token counts of a request so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenStats {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
    /// Both together, as the producer counted.
    pub total: u64,
}

/// A ToolExecution: one stage of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToolStage<'a> {
    /// The call, maybe empty.
    pub call_id: &'a str,
    /// The tool.
    pub tool_name: &'a str,
    /// Name of the stage: `COMPLETED`.
    pub stage: &'a str,
    /// Milliseconds.
    pub duration_ms: Option<f64>,
    /// Retries before this stage.
    pub retry_count: u32,
}
