//! A StateDiff as a document: what it changes is counted, not shown.

use super::names::Names;
use super::object::Object;
use crate::messages::StateDiffView;

pub(super) fn write(view: &StateDiffView<'_>, names: Names, out: &mut Vec<u8>) {
    let mut object = Object::open("StateDiff", view.header.as_ref(), names, out);
    object.hex_or_null("base_checkpoint_id", view.base_checkpoint_id);
    object.int("operations_count", view.operation_count);
    object.hex_or_null("state_hash", view.state_hash);
    object.close();
}
