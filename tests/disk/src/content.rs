//! The bytes of one file: those that are durable, and the writes since.

use crate::dice::Dice;

/// A write that no sync has made durable.
#[derive(Clone, Debug)]
struct Unsynced {
    at: usize,
    bytes: Vec<u8>,
    /// Whether a sync of it failed: no later one makes it durable.
    given_up: bool,
}

/// The bytes of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    durable: Vec<u8>,
    unsynced: Vec<Unsynced>,
    /// Length of what is live.
    length: usize,
}

impl Content {
    /// A file that was there before, and is durable.
    pub(crate) fn durable(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len(),
            durable: bytes,
            unsynced: Vec::new(),
        }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.unsynced.push(Unsynced {
            at: self.length,
            bytes: bytes.to_vec(),
            given_up: false,
        });
        self.length += bytes.len();
    }

    pub(crate) fn sync(&mut self) {
        for write in std::mem::take(&mut self.unsynced) {
            if write.given_up {
                self.unsynced.push(write);
            } else {
                self.keep(write.at, &write.bytes);
            }
        }
    }

    pub(crate) fn sync_failed(&mut self) {
        for write in &mut self.unsynced {
            write.given_up = true;
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.durable
    }

    /// Leaves what a power loss leaves, and says whether that is what was live. Without dice nothing unsynced survives.
    pub(crate) fn lose(&mut self, mut dice: Option<&mut Dice>) -> bool {
        let unsynced = std::mem::take(&mut self.unsynced);
        let mut whole = true;
        for write in &unsynced {
            let survives = dice.as_deref_mut().map_or(0, |dice| dice.below(3));
            let kept = match survives {
                0 => 0,
                1 => write.bytes.len() / 2,
                _ => write.bytes.len(),
            };
            whole &= kept == write.bytes.len();
            if kept > 0 {
                self.keep(write.at, &write.bytes[..kept]);
            }
        }
        self.length = self.durable.len();
        whole
    }

    /// Bytes between the end and a write that came through alone are zeros, as in a file with a hole.
    fn keep(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[at..end].copy_from_slice(bytes);
    }
}
