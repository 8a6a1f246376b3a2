//! Identities of messages.

use crate::ids;

/// The message_id of a message; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MessageId(pub(super) Vec<u8>);

impl MessageId {
    pub(super) fn new() -> Self {
        Self(ids::message_id().to_vec())
    }
}
