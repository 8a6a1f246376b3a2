//! Tells what an application does, as messages of one thread.
//!
//! ```text
//! Recorder ── graph_start ──> Run ── node_start ──> Node ── llm_start, tool_requested ──> Llm, Tool
//!                              └─ end, fail, drop    └─ end, fail, drop                   └─ end, fail, drop
//! ```
//!
//! Everything that begins is a value, and ends by a call that takes it, or when it is dropped. So a run ends whatever happens:
//! by its end, by `?`, by a panic, or with the task that is cancelled. (It does not when the process is killed, or the value is
//! forgotten on purpose.)
//!
//! Recording never blocks, never fails and never panics: what the sink does not take is counted in [`RecorderCounts`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use quipu_client::MemorySink;
//! use quipu_client::recorder::{Graph, LlmRequest, Recorder, Usage};
//!
//! let sink = Arc::new(MemorySink::new());
//! let recorder = Recorder::new(sink.clone(), "default", "session-1");
//! let run = recorder.graph_start(Graph::new("research", "plan").nodes(["plan"]).edge("plan", "__end__"));
//! let node = run.node_start("plan");
//! let request = node.llm_start(LlmRequest::new("small-1").provider("acme"));
//! request.chunk("Look ");
//! request.chunk("it up.");
//! request.end(Usage::new().tokens(120, 4).cost_usd(0.0003));
//! node.state(&serde_json::json!({"plan": "Look it up."}));
//! node.end();
//! run.edge("plan", "__end__", None);
//! run.end();
//! assert_eq!(recorder.counts().sent, sink.messages().len() as u64);
//! ```

mod attributes;
mod clock;
mod counts;
mod graph;
mod graph_start;
mod llm;
mod message_id;
mod metric;
mod node;
mod opened;
mod parallel;
mod problem;
mod run;
mod scope;
mod state;
mod thread;
mod tool;

use std::ops::Deref;
use std::sync::Arc;

pub use counts::RecorderCounts;
pub use graph::{END, Graph, GraphNode, NodeKind};
pub use llm::{Llm, LlmRequest, Usage};
pub use metric::Metric;
pub use node::Node;
pub use opened::Reason;
pub use parallel::Parallel;
pub use problem::Problem;
pub use quipu_proto::message::error::Severity;
pub use quipu_proto::message::token_chunk::FinishReason;
pub use quipu_proto::state::ArrayAlignment;
pub use run::Run;
pub use scope::Scope;
pub use tool::Tool;

pub(crate) use attributes::Attributes;
pub(crate) use metric::metrics;

use crate::redact::Redactor;
use crate::sink::Sink;
use message_id::MessageId;
use quipu_proto::state::{DiffOptions, StateWriterOptions};
use thread::Thread;

/// Differences of state between two checkpoints, unless told otherwise.
pub const CHECKPOINT_EVERY: u32 = 50;

/// Longest state that is told, in bytes of compact JSON, unless told otherwise: as much as existing producers tell.
pub const STATE_BYTES_MAX: usize = 10 << 20;

/// Tells what happens in one thread: a session of an agent. Cheap to clone; a clone goes on when others are dropped.
///
/// A thread has one run at a time. A run that begins while another one is under way ends it, with the reason `superseded`: runs at
/// the same time need threads of their own.
///
/// It is a [`Scope`] outside of runs, for what happens there.
#[derive(Clone, Debug)]
pub struct Recorder {
    scope: Scope,
}

impl Recorder {
    /// Records a thread of a tenant. Secrets are taken out, unless [`REDACT_VARIABLE`](crate::redact::REDACT_VARIABLE) says
    /// otherwise.
    #[must_use]
    pub fn new(sink: Arc<dyn Sink>, tenant_id: impl Into<String>, thread_id: impl Into<String>) -> Self {
        Self::builder(sink).tenant(tenant_id).thread(thread_id).build()
    }

    /// Settings of a recorder.
    pub fn builder(sink: Arc<dyn Sink>) -> RecorderBuilder {
        RecorderBuilder {
            sink,
            tenant_id: "default".to_owned(),
            thread_id: None,
            redactor: None,
            states: StateWriterOptions {
                diff: DiffOptions {
                    arrays: ArrayAlignment::Aligned,
                },
                checkpoint_interval: CHECKPOINT_EVERY,
                state_bytes_max: STATE_BYTES_MAX,
                ..StateWriterOptions::default()
            },
        }
    }

    /// Starts a run of a graph. It ends by [`Run::end`] or [`Run::fail`].
    #[must_use = "a run that is dropped has failed"]
    pub fn graph_start(&self, graph: Graph) -> Run {
        Run::start(&self.scope.thread, &graph)
    }

    /// The tenant.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.scope.thread.tenant_id
    }

    /// The thread.
    #[must_use]
    pub fn thread_id(&self) -> &str {
        &self.scope.thread.thread_id
    }

    /// What became of the messages of this recorder and its clones.
    #[must_use]
    pub fn counts(&self) -> RecorderCounts {
        self.scope.thread.counters.snapshot()
    }
}

impl Deref for Recorder {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// Settings of a [`Recorder`].
#[derive(Debug)]
#[must_use]
pub struct RecorderBuilder {
    sink: Arc<dyn Sink>,
    tenant_id: String,
    thread_id: Option<String>,
    redactor: Option<Redactor>,
    states: StateWriterOptions,
}

impl RecorderBuilder {
    /// The tenant; without it `default`.
    pub fn tenant(mut self, tenant_id: impl Into<String>) -> Self {
        self.tenant_id = tenant_id.into();
        self
    }

    /// The thread; without it a new one with a random name.
    pub fn thread(mut self, thread_id: impl Into<String>) -> Self {
        self.thread_id = Some(thread_id.into());
        self
    }

    /// How secrets are found; without it [`Redactor::from_env`].
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = Some(redactor);
        self
    }

    /// Sends a checkpoint after every so many states, so that readers that come late or miss one find back; 0 is never. Without
    /// it [`CHECKPOINT_EVERY`]. One that the sink does not take is not made again: the next comes with the next such state.
    pub fn checkpoint_every(mut self, states: u32) -> Self {
        self.states.checkpoint_interval = states;
        self
    }

    /// How the elements of arrays are matched when two states are compared. Without it [`ArrayAlignment::Aligned`]: agents
    /// shorten their list of messages at its head, which is one operation then, and by index one for each message. It is never
    /// longer, and no reader has to know: the operations are of the same three kinds.
    pub fn array_alignment(mut self, alignment: ArrayAlignment) -> Self {
        self.states.diff.arrays = alignment;
        self
    }

    /// Leaves out states that are longer than this, in bytes of compact JSON, and counts them in
    /// [`RecorderCounts::states_skipped`]; 0 is no bound. The next state that is not longer covers their change, too. Without it
    /// [`STATE_BYTES_MAX`]. States that nest more than 100 levels deep are always left out.
    pub fn state_bytes_max(mut self, bytes: usize) -> Self {
        self.states.state_bytes_max = bytes;
        self
    }

    /// The recorder.
    #[must_use]
    pub fn build(self) -> Recorder {
        let thread_id = self.thread_id.unwrap_or_else(crate::ids::random_name);
        let redactor = self.redactor.unwrap_or_else(Redactor::from_env);
        let thread = Thread::new(
            self.sink,
            self.tenant_id,
            thread_id.clone(),
            redactor,
            self.states,
        );
        Recorder {
            scope: Scope {
                thread: Arc::new(thread),
                run: None,
                node_id: String::new(),
                about: ("thread", thread_id),
                start: MessageId::default(),
            },
        }
    }
}
