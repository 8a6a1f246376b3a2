//! Records of a file of JSON lines, as the file backend of DashFlow writes them: an object a line, with `offset`,
//! `timestamp_us` and `data`, which is the message as protobuf in base64.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use quipu_proto::framing::{Compression, MARKER_PLAIN, encode};
use quipu_proto::limits::RECORD_BYTES_MAX;
use quipu_proto::message::DashStreamMessage;
use serde::Deserialize;

use crate::producer::header_of;

use super::recorded::{Recorded, RecordingError};

/// Longest line: that of the largest record, in base64, and what stands beside it.
const LINE_BYTES_MAX: usize = RECORD_BYTES_MAX / 3 * 4 + (1 << 20);

/// Reads a file of JSON lines. The key of a record is the thread of its message; what does not decode has none, and is
/// sent as it is.
#[derive(Debug)]
pub struct RecordedLines {
    path: PathBuf,
    file: BufReader<File>,
    line: u64,
    text: String,
    compression: Compression,
    is_over: bool,
}

#[derive(Deserialize)]
struct Line<'a> {
    timestamp_us: i64,
    #[serde(borrow)]
    data: std::borrow::Cow<'a, str>,
}

impl RecordedLines {
    /// Opens a file. Its messages are framed with this compression.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: impl AsRef<Path>, compression: Compression) -> Result<Self, RecordingError> {
        let path = path.as_ref().to_owned();
        match File::open(&path) {
            Ok(file) => Ok(Self {
                path,
                file: BufReader::with_capacity(1 << 20, file),
                line: 0,
                text: String::new(),
                compression,
                is_over: false,
            }),
            Err(source) => Err(RecordingError::Io { path, source }),
        }
    }

    fn read(&mut self) -> Result<Option<Recorded>, RecordingError> {
        loop {
            self.line += 1;
            self.text.clear();
            // One byte more than a line may have, so that one that is too long shows.
            let mut limited = (&mut self.file).take(LINE_BYTES_MAX as u64 + 1);
            let read = limited.read_line(&mut self.text);
            let read = read.map_err(|source| RecordingError::Io {
                path: self.path.clone(),
                source,
            })?;
            if read == 0 {
                return Ok(None);
            }
            if read > LINE_BYTES_MAX {
                return Err(RecordingError::Malformed {
                    path: self.path.clone(),
                    record: self.line,
                    reason: format!(
                        "the line has more than {LINE_BYTES_MAX} bytes: is it a file of JSON lines?"
                    ),
                });
            }
            if !self.text.trim().is_empty() {
                return self.record().map(Some);
            }
        }
    }

    fn record(&self) -> Result<Recorded, RecordingError> {
        let malformed = |reason| RecordingError::Malformed {
            path: self.path.clone(),
            record: self.line,
            reason,
        };
        let line: Line<'_> = serde_json::from_str(&self.text).map_err(|error| {
            malformed(format!(
                "{error}; a line is an object with offset, timestamp_us and data, a message in base64"
            ))
        })?;
        let data = STANDARD
            .decode(line.data.as_bytes())
            .map_err(|error| malformed(format!("data is not base64: {error}")))?;
        let message = DashStreamMessage::decode(data.as_slice())
            .ok()
            .filter(|message| message.message.is_some());
        let (key, value) = match &message {
            Some(message) => (
                header_of(message).map(|header| header.thread_id.clone()),
                encode(message, self.compression),
            ),
            None => (None, [&[MARKER_PLAIN], data.as_slice()].concat()),
        };
        Ok(Recorded {
            key: key.filter(|thread| !thread.is_empty()).map(String::into_bytes),
            value,
            recorded_us: Some(line.timestamp_us),
        })
    }
}

impl Iterator for RecordedLines {
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

    use quipu_proto::message::{Event, Header, dash_stream_message::Message};

    use super::*;

    fn read(text: &str) -> Vec<Result<Recorded, RecordingError>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        RecordedLines::open(file.path(), Compression::None)
            .unwrap()
            .collect()
    }

    #[test]
    fn a_line_is_a_message_with_the_key_of_its_thread() {
        let event = Event {
            header: Some(Header {
                thread_id: "session-1".to_owned(),
                timestamp_us: 70,
                ..Header::default()
            }),
            ..Event::default()
        };
        let message = DashStreamMessage {
            message: Some(Message::Event(event)),
        };
        let data = STANDARD.encode(message.encode_to_vec());
        let damaged = STANDARD.encode([0xff, 0xff]);
        let records = read(&format!(
            "{{\"offset\":0,\"timestamp_us\":5,\"data\":\"{data}\"}}\n\n{{\"timestamp_us\":6,\"data\":\"{damaged}\"}}"
        ));
        let [Ok(first), Ok(second)] = records.as_slice() else {
            panic!("{records:?}")
        };
        assert_eq!(first.key.as_deref(), Some(&b"session-1"[..]));
        assert_eq!(first.value, encode(&message, Compression::None));
        assert_eq!((first.time_us(), second.time_us()), (Some(5), Some(6)));
        let unaided = Recorded {
            recorded_us: None,
            ..first.clone()
        };
        assert_eq!(unaided.time_us(), Some(70));
        // Nothing is lost: a reader makes a dead letter of it.
        assert_eq!(
            (second.key.as_ref(), second.value.as_slice()),
            (None, &[0, 0xff, 0xff][..])
        );
    }

    #[test]
    fn a_line_that_is_no_record_is_named_and_is_the_end() {
        for line in [
            "{",
            "{\"timestamp_us\":1}",
            "{\"timestamp_us\":1,\"data\":\"*\"}",
            "7",
        ] {
            let records = read(&format!("\n{line}\n"));
            assert_eq!(records.len(), 1);
            let error = records[0].as_ref().unwrap_err().to_string();
            assert!(error.contains("record 2: "), "{error}");
        }
        let records = read(&"x".repeat(LINE_BYTES_MAX + 2));
        assert_eq!(records.len(), 1);
        let error = records[0].as_ref().unwrap_err().to_string();
        assert!(error.contains("record 1: the line has more than"), "{error}");
    }
}
