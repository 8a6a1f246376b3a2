//! Identities of messages.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use super::clock;

/// The message_id of a message; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MessageId(pub(super) Vec<u8>);

/// A new random identity: 16 bytes, a UUID of version 4.
pub(super) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // A system without randomness is no reason to lose telemetry: no two of these are equal either.
        static TAKEN: AtomicU64 = AtomicU64::new(0);
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{}/{}/{taken}", std::process::id(), clock::now_us());
        bytes.copy_from_slice(&Sha256::digest(unique)[..16]);
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes()
}

impl MessageId {
    pub(super) fn random() -> Self {
        Self(random().to_vec())
    }
}

/// A new random name for a request or a call: a UUID as text.
pub(super) fn random_name() -> String {
    uuid::Uuid::from_bytes(random()).to_string()
}
