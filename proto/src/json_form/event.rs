//! An Event as a document.

use super::names::Names;
use super::object::Object;
use crate::messages::EventView;
use crate::scratch::ComposedText;

pub(super) fn write(view: &EventView<'_>, names: Names, composed: ComposedText<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open("Event", view.header.as_ref(), names, out);
    names.write_event_type(object.key("event_type"), view.event_type);
    object.text_or_null("node_id", view.node_id);
    object.composed("attributes", view.attributes, composed);
    object.durations(view.duration_us);
    object.text_or_null("llm_request_id", view.llm_request_id);
    object.close();
}
