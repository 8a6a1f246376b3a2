//! A method for each kind of message.

use quipu_proto::message::{
    Checkpoint, Error, Event, EventBatch, ExecutionTrace, Metrics, StateDiff, TokenChunk, ToolExecution,
};

use super::delivery::Delivery;
use super::error::SendError;
use super::handle::Producer;

macro_rules! typed {
    ($($name:ident: $kind:ident, $what:literal;)*) => {
        impl Producer {
            $(
                #[doc = concat!("Sends ", $what, ", as [`Producer::send`] does.")]
                ///
                /// # Errors
                /// As [`Producer::send`].
                pub async fn $name(&self, message: $kind) -> Result<Delivery, SendError> {
                    self.send(message).await
                }
            )*
        }
    };
}

typed! {
    send_event: Event, "an event";
    send_state_diff: StateDiff, "a change of state";
    send_token_chunk: TokenChunk, "a chunk of a model's answer";
    send_tool_execution: ToolExecution, "a stage of a tool call";
    send_checkpoint: Checkpoint, "a checkpoint of a state";
    send_metrics: Metrics, "metrics";
    send_error: Error, "an error";
    send_event_batch: EventBatch, "a batch of events";
    send_execution_trace: ExecutionTrace, "the trace of an execution";
}
