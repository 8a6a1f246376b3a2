//! A cold thread as key and value of the index.
//!
//! ```text
//! key    u16 length, topic | u16 length, incarnation | i32 partition | u32 length, tenant | thread
//! value  u64 manifest | u64 newest sequence | i64 newest time | u8 has unsequenced | recent ids | u64 checksum
//! ```
//! Lengths in keys are big-endian, numbers in values little-endian. The checksum covers key and value, so that a
//! value that the index gives for another key, or of another age of its pages, is not believed.

use quipu_proto::LogPartition;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::thread::ThreadState;
use crate::manifest::ManifestId;

/// Begins the keys of all threads of a partition. None for a topic too long to be one.
pub(super) fn key_prefix(partition: &LogPartition) -> Option<Vec<u8>> {
    let mut prefix = Vec::new();
    for text in [&partition.log.topic, &partition.log.incarnation] {
        prefix.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
        prefix.extend_from_slice(text.as_bytes());
    }
    prefix.extend_from_slice(&partition.partition.0.to_be_bytes());
    Some(prefix)
}

/// Appends the rest of a key to its prefix.
pub(super) fn push_name(key: &mut Vec<u8>, tenant_id: &str, thread_id: &str) {
    key.extend_from_slice(&(tenant_id.len() as u32).to_be_bytes());
    key.extend_from_slice(tenant_id.as_bytes());
    key.extend_from_slice(thread_id.as_bytes());
}

/// What the filter knows a key by.
pub(super) fn key_hash(key: &[u8]) -> u64 {
    xxh3_64(key)
}

/// The parts of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColdName<'a> {
    pub(super) topic: &'a str,
    pub(super) incarnation: &'a str,
    pub(super) partition: i32,
    pub(super) tenant_id: &'a str,
    pub(super) thread_id: &'a str,
}

/// Takes a key apart; none when it is not one.
pub(super) fn decode_key(key: &[u8]) -> Option<ColdName<'_>> {
    let (topic, rest) = short_text(key)?;
    let (incarnation, rest) = short_text(rest)?;
    let (partition, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (tenant, thread) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    Some(ColdName {
        topic,
        incarnation,
        partition: i32::from_be_bytes(*partition),
        tenant_id: str::from_utf8(tenant).ok()?,
        thread_id: str::from_utf8(thread).ok()?,
    })
}

fn short_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    Some((str::from_utf8(text).ok()?, rest))
}

/// The value of a thread as it stood at a manifest.
pub(super) fn encode_value(key: &[u8], state: &ThreadState, manifest: ManifestId) -> Vec<u8> {
    let mut value = Vec::with_capacity(97);
    value.extend_from_slice(&manifest.0.to_le_bytes());
    value.extend_from_slice(&state.newest_sequence().to_le_bytes());
    value.extend_from_slice(&state.newest_time().to_le_bytes());
    value.push(u8::from(state.has_unsequenced()));
    state.recent_ids(&mut value);
    let checksum = checksum(key, &value);
    value.extend_from_slice(&checksum.to_le_bytes());
    value
}

/// Reads a value; none when it is damaged or reflects a manifest after `manifest`.
pub(super) fn decode_value(key: &[u8], value: &[u8], manifest: ManifestId) -> Option<ThreadState> {
    let (value, sum) = value.split_last_chunk()?;
    if u64::from_le_bytes(*sum) != checksum(key, value) {
        return None;
    }
    let (stamp, rest) = value.split_first_chunk()?;
    let (newest_sequence, rest) = rest.split_first_chunk()?;
    let (newest_time, rest) = rest.split_first_chunk()?;
    let (has_unsequenced, recent_ids) = rest.split_first()?;
    if u64::from_le_bytes(*stamp) > manifest.0 {
        return None;
    }
    ThreadState::from_parts(
        u64::from_le_bytes(*newest_sequence),
        i64::from_le_bytes(*newest_time),
        *has_unsequenced != 0,
        recent_ids,
    )
}

fn checksum(key: &[u8], value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, key_hash(key))
}
