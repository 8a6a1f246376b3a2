//! Messages recorded to a frames file.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quipu_proto::frames::{Frame, write_frame};
use quipu_proto::framing::{self, Compression};
use quipu_proto::limits::{EXPANDED_BYTES_MAX, RECORD_BYTES_MAX};
use quipu_proto::message::DashStreamMessage;

use super::counters::{Counters, header_mut};
use super::{Sink, SinkError};

/// Records messages, numbered, to a file that `quipu ingest frames` reads. All go to partition 0.
///
/// What is put is written to a buffer, and to the file when the buffer is full: [`FramesSink::flush`] tells whether it is
/// there. Dropping the sink writes the rest, but cannot tell of an error.
#[derive(Debug)]
pub struct FramesSink {
    path: PathBuf,
    compression: Compression,
    recording: Mutex<Recording>,
}

#[derive(Debug)]
struct Recording {
    counters: Counters,
    out: BufWriter<File>,
    /// After an error the file may end inside a frame: what is written behind it could not be read.
    broken: Option<String>,
}

impl FramesSink {
    /// Begins a recording. A file of that name is replaced.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = File::create(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot create {}: {error}", path.display()))
        })?;
        Ok(Self {
            path,
            compression: Compression::default(),
            recording: Mutex::new(Recording {
                counters: Counters::default(),
                out: BufWriter::new(file),
                broken: None,
            }),
        })
    }

    /// How messages are written.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Writes what is in the buffer, and syncs the file.
    ///
    /// # Errors
    /// Not all that was put is in the file.
    pub fn flush(&self) -> io::Result<()> {
        let mut recording = self.lock();
        if let Some(why) = &recording.broken {
            return Err(io::Error::other(why.clone()));
        }
        let flushed = recording
            .out
            .flush()
            .and_then(|()| recording.out.get_ref().sync_all());
        flushed.map_err(|error| {
            let why = self.broken(&mut recording, &error);
            io::Error::new(error.kind(), why)
        })
    }

    fn broken(&self, recording: &mut Recording, error: &io::Error) -> String {
        let why = format!(
            "cannot write {}: {error}; the recording ends there",
            self.path.display()
        );
        recording.broken = Some(why.clone());
        why
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for FramesSink {
    fn put(&self, mut message: DashStreamMessage) -> Result<(), SinkError> {
        let mut recording = self.lock();
        if let Some(why) = &recording.broken {
            return Err(SinkError::Refused(why.clone()));
        }
        let Some(body) = &mut message.message else {
            return Err(SinkError::Refused("the message is empty".to_owned()));
        };
        recording.counters.number(body)?;
        let key = header_mut(body)
            .as_ref()
            .map_or_else(String::new, |header| header.thread_id.clone());
        let mut payload = Vec::new();
        let size = framing::encode_into(&message, self.compression, &mut payload);
        if size.framed_bytes > RECORD_BYTES_MAX || size.expanded_bytes > EXPANDED_BYTES_MAX {
            return Err(SinkError::Refused(format!(
                "the message has {} bytes and {} in its frame: readers take at most {EXPANDED_BYTES_MAX} and {RECORD_BYTES_MAX}; \
                 make it smaller",
                size.expanded_bytes, size.framed_bytes
            )));
        }
        let frame = Frame {
            partition: 0,
            key: key.as_bytes(),
            payload: &payload,
        };
        match write_frame(&mut recording.out, &frame) {
            Ok(()) => Ok(()),
            Err(error) => Err(SinkError::Refused(self.broken(&mut recording, &error))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::frames::FramesReader;
    use quipu_proto::message::dash_stream_message::Message;
    use quipu_proto::message::{Event, Header};
    use quipu_proto::{Decoder, Policy, views::EventView};

    use super::*;

    fn event(node: &str) -> DashStreamMessage {
        let event = Event {
            header: Some(Header {
                thread_id: "t".to_owned(),
                ..Header::default()
            }),
            node_id: node.to_owned(),
            ..Event::default()
        };
        DashStreamMessage {
            message: Some(Message::Event(event)),
        }
    }

    #[test]
    fn what_is_recorded_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.frames");
        let sink = FramesSink::create(&path).unwrap();
        let long = "x".repeat(2_000);
        sink.put(event("plan")).unwrap();
        sink.put(event(&long)).unwrap();
        assert!(sink.put(DashStreamMessage::default()).is_err());
        sink.flush().unwrap();

        let bytes = std::fs::read(&path).unwrap();
        let frames: Vec<Frame<'_>> = FramesReader::new(&bytes).map(Result::unwrap).collect();
        assert!(bytes.len() < 1_000, "the long one is compressed");
        let mut decoder = Decoder::new(Policy::Strict);
        for (at, (frame, node)) in frames.iter().zip(["plan", &long]).enumerate() {
            assert_eq!((frame.partition, frame.key), (0, b"t".as_slice()));
            let decoded = decoder.decode(Some(frame.payload)).unwrap();
            let quipu_proto::Message::Event(EventView { header, node_id, .. }) = decoded.message else {
                panic!("{decoded:?}");
            };
            assert_eq!(node_id, node);
            assert_eq!(header.unwrap().sequence, at as u64 + 1);
        }
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = FramesSink::create(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
    }
}
