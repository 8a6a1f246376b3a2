//! Records of a frames file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::recorded::{Recorded, RecordingError};

/// Most bytes of a payload: what Kafka could take. Topics take less, but a record that is too large for them must not hide
/// those behind it: a fallback file may hold such a one.
const PAYLOAD_BYTES_MAX: usize = i32::MAX as usize;
/// Most bytes of a key. Text that is taken for a frames file has more.
const KEY_BYTES_MAX: usize = 16 << 20;

/// Reads a frames file record by record, so that it may be larger than memory.
#[derive(Debug)]
pub struct RecordedFrames {
    path: PathBuf,
    file: BufReader<File>,
    record: u64,
    is_over: bool,
}

impl RecordedFrames {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref().to_owned();
        match File::open(&path) {
            Ok(file) => Ok(Self {
                path,
                file: BufReader::with_capacity(1 << 20, file),
                record: 0,
                is_over: false,
            }),
            Err(source) => Err(RecordingError::Io { path, source }),
        }
    }

    fn read(&mut self) -> Result<Option<Recorded>, RecordingError> {
        self.record += 1;
        let mut partition = [0; 4];
        let first = self.file.read(&mut partition[..1]);
        match first.map_err(|error| self.failed(error))? {
            0 => return Ok(None),
            _ => self.fill(&mut partition[1..])?,
        }
        let key = self.bytes("key", KEY_BYTES_MAX)?;
        let value = self.bytes("payload", PAYLOAD_BYTES_MAX)?;
        Ok(Some(Recorded {
            key: Some(key).filter(|key| !key.is_empty()),
            value,
            recorded_us: None,
        }))
    }

    fn bytes(&mut self, what: &str, max: usize) -> Result<Vec<u8>, RecordingError> {
        let mut len = [0; 4];
        self.fill(&mut len)?;
        let len = u32::from_le_bytes(len) as usize;
        if len > max {
            return Err(self.malformed(format!(
                "a {what} of {len} bytes, the limit is {max}: is it a frames file?"
            )));
        }
        let mut bytes = Vec::new();
        let read = (&mut self.file).take(len as u64).read_to_end(&mut bytes);
        if read.map_err(|error| self.failed(error))? < len {
            return Err(self.malformed(format!(
                "the file ends inside it: its {what} has {len} bytes, {} are left",
                bytes.len()
            )));
        }
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RecordingError> {
        match self.file.read_exact(bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.malformed("the file ends inside it".to_owned()))
            }
            read => read.map_err(|error| self.failed(error)),
        }
    }

    fn failed(&self, source: io::Error) -> RecordingError {
        RecordingError::Io {
            path: self.path.clone(),
            source,
        }
    }

    fn malformed(&self, reason: String) -> RecordingError {
        RecordingError::Malformed {
            path: self.path.clone(),
            record: self.record,
            reason,
        }
    }
}

impl Iterator for RecordedFrames {
    type Item = Result<Recorded, RecordingError>;

    /// The next record. After an error there is none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let read = self.read();
        self.is_over = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::frames::{Frame, write_frame};

    use super::*;

    fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn records_come_as_they_were_written_and_a_cut_one_is_told() {
        let mut bytes = Vec::new();
        for (key, payload) in [(&b"a"[..], &b"one"[..]), (b"", b""), (b"c", b"three")] {
            let frame = Frame {
                partition: 7,
                key,
                payload,
            };
            write_frame(&mut bytes, &frame).unwrap();
        }
        let file = file_of(&bytes);
        let read: Vec<_> = RecordedFrames::open(file.path())
            .unwrap()
            .map(|record| record.map(|record| (record.key, record.value)).unwrap())
            .collect();
        assert_eq!(
            read,
            [
                (Some(b"a".to_vec()), b"one".to_vec()),
                (None, Vec::new()),
                (Some(b"c".to_vec()), b"three".to_vec())
            ]
        );
        // Wherever the file is cut but between records, that is an error and the end.
        let ends = [0, 16, 28];
        for len in 0..bytes.len() {
            let file = file_of(&bytes[..len]);
            let read: Vec<_> = RecordedFrames::open(file.path()).unwrap().collect();
            let whole = ends.iter().filter(|end| **end > 0 && **end <= len).count();
            assert_eq!(
                read.iter().filter(|record| record.is_ok()).count(),
                whole,
                "{len}"
            );
            assert_eq!(read.iter().any(Result::is_err), !ends.contains(&len), "{len}");
        }
    }

    #[test]
    fn a_record_that_is_too_large_for_readers_does_not_hide_those_behind_it() {
        let large = vec![0; quipu_proto::limits::RECORD_BYTES_MAX + 1];
        let mut bytes = Vec::new();
        for payload in [&large[..], b"next"] {
            let frame = Frame {
                partition: 0,
                key: b"a",
                payload,
            };
            write_frame(&mut bytes, &frame).unwrap();
        }
        let file = file_of(&bytes);
        let read: Vec<_> = RecordedFrames::open(file.path()).unwrap().collect();
        let lengths: Vec<usize> = read
            .iter()
            .map(|record| record.as_ref().unwrap().value.len())
            .collect();
        assert_eq!(lengths, [large.len(), 4]);
    }

    #[test]
    fn what_is_no_frames_file_is_refused_before_memory_is_taken_for_it() {
        let file = file_of(b"{\"offset\": 1, \"timestamp_us\": 2}\n");
        let error = RecordedFrames::open(file.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap_err();
        assert!(error.to_string().contains("is it a frames file?"), "{error}");
    }
}
