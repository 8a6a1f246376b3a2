//! Memory to read files into.

use std::io::{ErrorKind, Read, Result};
use std::ops::Range;

/// Bytes read at a time: few enough to be still in the processor's cache when they are looked at.
const CHUNK_BYTES: usize = 256 << 10;

/// Where what is read has to begin in memory. Some processors (AMD's Zen 3 for one) copy to other places at a third of the
/// speed: the system copies file content with `rep movsb`, see <https://sourceware.org/bugzilla/show_bug.cgi?id=30994>.
const ALIGNMENT: usize = 64;

/// What of a file was read and not used yet.
#[derive(Debug, Default)]
pub(super) struct Room {
    memory: Vec<u8>,
    unused: Range<usize>,
}

impl Room {
    /// What was read and not used yet.
    pub(super) fn unused(&self) -> &[u8] {
        &self.memory[self.unused.clone()]
    }

    /// Gives up the first of the unused bytes.
    pub(super) fn take(&mut self, bytes: usize) {
        self.unused.start += bytes;
    }

    /// Reads behind the unused bytes, as many as a piece has, or as many as are unused already if those are more. Gives
    /// how many were read: fewer than that at the end of the file only, and none behind it. After an error, what was read
    /// before it is there.
    pub(super) fn fill(&mut self, file: &mut impl Read) -> Result<usize> {
        let kept = self.unused.len();
        let wanted = CHUNK_BYTES.max(kept);
        let begin = self.make_room(kept, wanted);
        let mut end = begin;
        while end < begin + wanted {
            match file.read(&mut self.memory[end..begin + wanted]) {
                Ok(0) => break,
                Ok(read) => end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            self.unused.end = end;
        }
        Ok(end - begin)
    }

    /// Moves the unused bytes so that what is read behind them begins where it should. Gives that place.
    fn make_room(&mut self, kept: usize, wanted: usize) -> usize {
        let needed = kept.next_multiple_of(ALIGNMENT) + wanted + ALIGNMENT;
        if self.memory.len() < needed {
            self.memory.resize(needed, 0);
        }
        let first = self.memory.as_ptr().align_offset(ALIGNMENT);
        // No more than speed hangs on it.
        let first = if first < ALIGNMENT { first } else { 0 };
        let begin = first + kept.next_multiple_of(ALIGNMENT);
        self.memory.copy_within(self.unused.clone(), begin - kept);
        self.unused = begin - kept..begin;
        begin
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    /// Whatever is left unused between two readings, the bytes are those of the file, and each reading begins where the
    /// processor likes it.
    #[test]
    fn a_file_comes_back_byte_for_byte_from_aligned_memory() {
        let content: Vec<u8> = (0..3_000_000_u32)
            .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        for kept_max in [0, 1, 63, 64, 65, 1_000, 700_000] {
            file.seek(SeekFrom::Start(0)).unwrap();
            let mut room = Room::default();
            let mut found: Vec<u8> = Vec::new();
            loop {
                let kept = room.unused().len();
                let read = room.fill(&mut file).unwrap();
                assert_eq!(room.unused().len(), kept + read);
                let place = room.unused()[kept..].as_ptr();
                assert_eq!(place.align_offset(ALIGNMENT), 0, "{kept} bytes were left");
                if read == 0 {
                    found.extend(room.unused());
                    break;
                }
                let taken = room.unused().len().saturating_sub(kept_max);
                found.extend(&room.unused()[..taken]);
                room.take(taken);
            }
            assert!(found == content, "up to {kept_max} bytes left");
        }
    }

    /// Gives a few bytes at a time, is interrupted before each of them, and fails at its end.
    struct Halting {
        bytes: Vec<u8>,
        given: usize,
        interrupted: bool,
    }

    impl Read for Halting {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(ErrorKind::Interrupted.into());
            }
            let rest = &self.bytes[self.given..];
            if rest.is_empty() {
                return Err(ErrorKind::TimedOut.into());
            }
            let len = (self.given % 7 + 1).min(rest.len()).min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            self.given += len;
            Ok(len)
        }
    }

    #[test]
    fn what_was_read_before_an_error_is_there() {
        let bytes: Vec<u8> = (0..1_000_u32).map(|number| number as u8).collect();
        let mut room = Room::default();
        let mut source = Halting {
            bytes: bytes.clone(),
            given: 0,
            interrupted: false,
        };
        let error = room.fill(&mut source).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(room.unused(), bytes);
        room.take(300);
        room.fill(&mut &b"more"[..]).unwrap();
        assert_eq!(room.unused(), [&bytes[300..], b"more"].concat());
    }
}
