//! An ExecutionTrace as a document: its nodes and errors are counted.

use super::names::Names;
use super::object::Object;
use crate::messages::ExecutionTraceView;

pub(super) fn write(view: &ExecutionTraceView<'_>, names: Names, out: &mut Vec<u8>) {
    let mut object = Object::open("ExecutionTrace", view.header.as_ref(), names, out);
    object.text("execution_id", view.execution_id);
    object.text("thread_id", view.thread_id);
    object.int("total_duration_ms", view.total_duration_ms);
    object.int("total_tokens", view.total_tokens);
    object.flag("completed", view.completed);
    object.count("nodes_count", view.node_count);
    object.count("errors_count", view.error_count);
    object.close();
}
