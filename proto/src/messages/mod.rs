//! One message a file: a view that can fail, columns whose append cannot.
//!
//! `read` of a view takes the encodings whose concatenation is the message. Protobuf merges them, and so does it: it is called
//! once, on a view that is empty. After an error the view is of no use.

pub(crate) mod checkpoint;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod event_batch;
pub(crate) mod execution_trace;
pub(crate) mod metrics;
pub(crate) mod state_diff;
pub(crate) mod token_chunk;
pub(crate) mod tool_execution;

pub use checkpoint::CheckpointView;
pub use error::ErrorView;
pub use event::EventView;
pub use event_batch::EventBatchView;
pub use execution_trace::ExecutionTraceView;
pub use metrics::MetricsView;
pub use state_diff::StateDiffView;
pub use token_chunk::TokenChunkView;
pub use tool_execution::ToolExecutionView;

use crate::columns::{Numbered, Place};
use crate::scratch::ComposedText;

/// What is the same for every row that one message becomes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowContext<'a> {
    pub(crate) place: &'a Place<'a>,
    /// The place for all rows but the first.
    pub(crate) place_repeated: &'a Place<'a>,
    pub(crate) numbered: Numbered,
    pub(crate) composed: ComposedText<'a>,
    pub(crate) unknown_fields: &'a [u8],
}
