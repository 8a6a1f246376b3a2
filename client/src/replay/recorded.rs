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
    /// Its time, microseconds since the Unix epoch: as the recording says, else when the message was made, as its header
    /// says. `None` for what does not decode, or has no time.
    #[must_use]
    pub fn time_us(&self) -> Option<i64> {
        self.recorded_us.or_else(|| {
            let mut expanded = Vec::new();
            let protobuf = unframe(&self.value, Policy::Forward, &mut expanded).ok()?;
            let message = DashStreamMessage::decode(protobuf).ok()?;
            Some(header_of(&message)?.timestamp_us).filter(|time| *time > 0)
        })
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
