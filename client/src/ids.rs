//! Ids: those of messages, and random ones.

use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use uuid::Builder;

/// Bytes of an id that are the same for all messages of a process.
const PREFIX_BYTES: usize = 10;

/// A new id of a message: a UUID of version 8, of which the first 10 bytes are random and those of the process, and the others
/// count its messages.
///
/// Ids of random bytes are what takes most room in a batch that is compressed, as no codec shortens them: these take two bytes
/// in place of sixteen. A process that is copied by `fork` without `exec` must not send in both copies.
pub(crate) fn message_id() -> [u8; 16] {
    static PREFIX: OnceLock<[u8; 16]> = OnceLock::new();
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let mut bytes = *PREFIX.get_or_init(random_bytes);
    let count = TAKEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    bytes[PREFIX_BYTES..].copy_from_slice(&count[8 - (16 - PREFIX_BYTES)..]);
    Builder::from_custom_bytes(bytes).into_uuid().into_bytes()
}

/// A new random id: a UUID of version 4.
pub(crate) fn random_id() -> [u8; 16] {
    Builder::from_random_bytes(random_bytes())
        .into_uuid()
        .into_bytes()
}

/// A new random name for a thread, a request or a call: a UUID of version 4 as text.
pub(crate) fn random_name() -> String {
    uuid::Uuid::from_bytes(random_id()).to_string()
}

fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // A system without randomness is no reason to lose telemetry: no two of these are equal either.
        static TAKEN: AtomicU64 = AtomicU64::new(0);
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unique = format!("{}/{}/{taken}", process::id(), now.as_nanos());
        bytes.copy_from_slice(&Sha256::digest(unique)[..16]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::{Uuid, Variant};

    use super::*;

    #[test]
    fn ids_of_messages_differ_in_every_thread_and_begin_alike() {
        let taken = || (0..1_000).map(|_| message_id()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(taken)).collect();
        let ids: HashSet<[u8; 16]> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect();
        assert_eq!(ids.len(), 4_000);
        let first = message_id();
        for id in ids {
            assert_eq!(id[..PREFIX_BYTES], first[..PREFIX_BYTES]);
            let id = Uuid::from_bytes(id);
            assert_eq!((id.get_version_num(), id.get_variant()), (8, Variant::RFC4122));
        }
    }

    #[test]
    fn random_ids_are_of_version_4_and_differ() {
        let ids: HashSet<[u8; 16]> = (0..1_000).map(|_| random_id()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| Uuid::from_bytes(*id).get_version_num() == 4));
        assert_ne!(random_name(), random_name());
    }
}
