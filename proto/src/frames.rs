//! The frames file format: records without Kafka.
//!
//! A file is a run of records without a header of its own, each:
//!
//! | field | size |
//! |---|---|
//! | partition | 4 bytes, little-endian |
//! | key length | 4 bytes, little-endian |
//! | key | that many bytes |
//! | payload length | 4 bytes, little-endian |
//! | payload | that many bytes: the record's value |

use std::io::{self, Write};

/// One record of a frames file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The partition.
    pub partition: u32,
    /// The key: the thread_id.
    pub key: &'a [u8],
    /// The record's value.
    pub payload: &'a [u8],
}

/// Why a frames file cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramesError {
    /// The file ends inside a record.
    #[error("frame {frame} at byte {position}: the file ends inside it ({needed} bytes needed, {left} left)")]
    Truncated {
        /// Number of the frame, from 0.
        frame: u64,
        /// Where the frame begins.
        position: u64,
        /// Bytes that the field at hand needs.
        needed: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// A partition number beyond those of Kafka.
    #[error(
        "frame {frame} at byte {position}: partition {partition} is above the limit of {}",
        i32::MAX
    )]
    Partition {
        /// Number of the frame, from 0.
        frame: u64,
        /// Where the frame begins.
        position: u64,
        /// The partition.
        partition: u32,
    },
}

/// Reads records from the bytes of a frames file.
#[derive(Clone, Debug)]
pub struct FramesReader<'a> {
    bytes: &'a [u8],
    position: usize,
    frame: u64,
}

impl<'a> FramesReader<'a> {
    /// Reads from the start of a file.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            frame: 0,
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    fn read(&mut self) -> Result<Frame<'a>, FramesError> {
        let start = self.position;
        let partition = self.number(start)?;
        if i32::try_from(partition).is_err() {
            return Err(FramesError::Partition {
                frame: self.frame,
                position: start as u64,
                partition,
            });
        }
        let key_len = self.number(start)?;
        let key = self.take(start, key_len)?;
        let payload_len = self.number(start)?;
        let payload = self.take(start, payload_len)?;
        self.frame += 1;
        Ok(Frame {
            partition,
            key,
            payload,
        })
    }

    fn number(&mut self, start: usize) -> Result<u32, FramesError> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(start, 4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    fn take(&mut self, start: usize, len: u32) -> Result<&'a [u8], FramesError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let needed = len as usize;
        let taken = rest.get(..needed).ok_or(FramesError::Truncated {
            frame: self.frame,
            position: start as u64,
            needed: u64::from(len),
            left: rest.len() as u64,
        })?;
        self.position += needed;
        Ok(taken)
    }
}

impl<'a> Iterator for FramesReader<'a> {
    type Item = Result<Frame<'a>, FramesError>;

    /// The next record. After an error there is none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.bytes.len() {
            return None;
        }
        let frame = self.read();
        if frame.is_err() {
            self.position = self.bytes.len();
        }
        Some(frame)
    }
}

/// Writes one record.
///
/// # Errors
/// Those of the writer, and `InvalidInput` for a key or payload of 4 GiB or more.
pub fn write_frame(out: &mut impl Write, frame: &Frame<'_>) -> io::Result<()> {
    let len = |bytes: &[u8]| {
        u32::try_from(bytes.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "key or payload of 4 GiB or more"))
    };
    out.write_all(&frame.partition.to_le_bytes())?;
    out.write_all(&len(frame.key)?.to_le_bytes())?;
    out.write_all(frame.key)?;
    out.write_all(&len(frame.payload)?.to_le_bytes())?;
    out.write_all(frame.payload)
}

#[cfg(test)]
mod tests;
