//! Counting as the reference does, so that numbers can be compared with those that it gave.

use super::accumulator::Accumulator;
use super::document::{Body, Document};
use super::session::SessionRef;

/// Counts a document. Every stage of a tool call is a call, every event with a node and a duration is an execution of the
/// node, all token counts add up, each Error message is an error, and threads of one id are one session.
pub(super) fn add(counted: &mut Accumulator, order: u64, document: &Document<'_>) {
    let name = SessionRef {
        tenant_id: "",
        thread_id: document.thread_id,
    };
    let session = counted.sessions.entry_ref(&name).or_default();
    session.arrive(order, document.tenant_id);
    match &document.body {
        Body::Event(event) => {
            session.events += 1;
            session.extend(document.time_us);
            if let (Some(node_id), Some(_)) = (event.node_id, event.duration_ms) {
                session.add_node(node_id);
                let node = counted.nodes.entry_ref(node_id).or_default();
                node.add_execution(event.duration_ms);
            }
        }
        Body::TokenChunk(chunk) => {
            if let Some(stats) = chunk.stats {
                session.tokens.add_loose(stats);
            }
        }
        Body::ToolExecution(stage) => {
            session.tool_messages += 1;
            let tool = counted.tools.entry_ref(stage.tool_name).or_default();
            tool.calls += 1;
            tool.completed += u64::from(stage.stage == "COMPLETED");
            tool.failed += u64::from(stage.stage == "FAILED");
            tool.retried += u64::from(stage.retry_count > 0);
            if let Some(ms) = stage.duration_ms {
                tool.durations.push(ms);
            }
        }
        Body::Error { severity } => {
            session.errors += 1;
            counted.errors.add_message(severity);
        }
        Body::StateDiff
        | Body::Checkpoint
        | Body::Metrics
        | Body::EventBatch { .. }
        | Body::ExecutionTrace { .. } => {}
    }
}
