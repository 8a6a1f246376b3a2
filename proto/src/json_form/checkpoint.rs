//! A Checkpoint as a document: its state is measured, not shown.

use super::names::Names;
use super::object::Object;
use crate::messages::CheckpointView;

pub(super) fn write(view: &CheckpointView<'_>, names: Names, out: &mut Vec<u8>) {
    let mut object = Object::open("Checkpoint", view.header.as_ref(), names, out);
    object.hex("checkpoint_id", view.checkpoint_id);
    object.text("state_type", view.state_type);
    object.count("state_size_bytes", view.sent_bytes);
    object.close();
}
