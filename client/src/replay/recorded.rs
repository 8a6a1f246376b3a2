//! One record of a recording.

use std::io;
use std::path::PathBuf;

use prost::Message as _;
use quipu_proto::Policy;
use quipu_proto::framing::unframe;
use quipu_proto::message::DashStreamMessage;
use thiserror::Error;

use crate::producer::header_of;

/// One record of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The key; none where the recording has none.
    pub key: Option<Vec<u8>>,
    /// The value, framed as it is to be sent.
    pub value: Vec<u8>,
    /// When it was recorded, microseconds since the Unix epoch, where the recording says so beside the message.
    pub recorded_us: Option<i64>,
}

impl Recorded {
    /// When the message was made, microseconds since the Unix epoch: as its header says, else as the recording does. `None`
    /// for what does not decode, or has no time.
    #[must_use]
    pub fn time_us(&self) -> Option<i64> {
        let mut expanded = Vec::new();
        let told = unframe(&self.value, Policy::Forward, &mut expanded)
            .ok()
            .and_then(|protobuf| DashStreamMessage::decode(protobuf).ok())
            .and_then(|message| Some(header_of(&message)?.timestamp_us))
            .filter(|time| *time > 0);
        told.or(self.recorded_us)
    }
}

/// Why a recording cannot be read on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: record {record}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 1: in a file of lines that of the line.
        record: u64,
        /// What is wrong and what to do.
        reason: String,
    },
}
