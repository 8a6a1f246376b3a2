//! A ToolExecution as a document.

use super::embedded;
use super::names::Names;
use super::object::Object;
use crate::messages::ToolExecutionView;

pub(super) fn write(view: &ToolExecutionView<'_>, names: Names, out: &mut Vec<u8>) {
    let mut object = Object::open("ToolExecution", view.header.as_ref(), names, out);
    object.text("call_id", view.call_id);
    object.text("tool_name", view.tool_name);
    names.write_stage(object.key("stage"), view.stage);
    embedded::write(object.key("arguments"), view.arguments);
    embedded::write(object.key("result"), view.result);
    object.text_or_null("error", view.error);
    object.durations(view.duration_us);
    object.int("retry_count", view.retry_count);
    object.close();
}
