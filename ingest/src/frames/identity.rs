//! What tells one file from another: its content, whatever its name and place.

use std::fs::File;
use std::io::{Result, Seek, SeekFrom};

use quipu_proto::TopicIncarnation;
use sha2::{Digest, Sha256};

use super::room::Room;
use crate::stop::Stop;

/// The topic that a file stands for, in the life that its content is; `None` when told to stop. `known` are the lives that
/// the store has. Leaves the file at its beginning.
pub(super) fn identify<'a>(
    file: &mut File,
    topic: &str,
    known: impl Iterator<Item = &'a TopicIncarnation> + Clone,
    stop: &Stop,
) -> Result<Option<TopicIncarnation>> {
    let mut known = known.filter(|log| &*log.topic == topic);
    // Stores that were written before BLAKE3 was used know files by their SHA-256.
    if known.clone().any(is_older) {
        let Some(sha256) = sha256(file, stop)? else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(0))?;
        if known.any(|log| *log.incarnation == *sha256) {
            return Ok(Some(TopicIncarnation::new(topic, sha256)));
        }
    }
    let mut hasher = blake3::Hasher::new();
    let whole = each_chunk(file, stop, |chunk| {
        hasher.update(chunk);
    })?;
    file.seek(SeekFrom::Start(0))?;
    Ok(whole.then(|| {
        let incarnation = format!("{}{}", TopicIncarnation::FILE_PREFIX, hasher.finalize().to_hex());
        TopicIncarnation::new(topic, incarnation)
    }))
}

/// SHA-256 of the rest of a file as hexadecimal text; `None` when told to stop.
pub(crate) fn sha256(file: &mut File, stop: &Stop) -> Result<Option<String>> {
    let mut hasher = Sha256::new();
    let whole = each_chunk(file, stop, |chunk| hasher.update(chunk))?;
    Ok(whole.then(|| format!("{:x}", hasher.finalize())))
}

/// Whether it is that of a file in a store of before.
fn is_older(log: &TopicIncarnation) -> bool {
    log.is_file() && !log.incarnation.starts_with(TopicIncarnation::FILE_PREFIX)
}

/// Reads the rest of a file; false when told to stop before its end.
fn each_chunk(file: &mut File, stop: &Stop, mut see: impl FnMut(&[u8])) -> Result<bool> {
    let mut room = Room::default();
    while !stop.is_raised() {
        if room.fill(file)? == 0 {
            return Ok(true);
        }
        let chunk = room.unused();
        see(chunk);
        room.take(chunk.len());
    }
    Ok(false)
}
