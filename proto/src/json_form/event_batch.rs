//! An EventBatch as a document: its events are counted.

use super::names::Names;
use super::object::Object;
use crate::messages::EventBatchView;

pub(super) fn write(view: &EventBatchView<'_>, names: Names, out: &mut Vec<u8>) {
    let mut object = Object::open("EventBatch", view.header.as_ref(), names, out);
    object.count("event_count", view.events.len());
    object.close();
}
