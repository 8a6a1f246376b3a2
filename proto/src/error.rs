//! Why a payload was not decoded.

use std::fmt;

/// The closed list of reasons for a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The record has no value.
    Tombstone,
    /// The value has no bytes.
    Empty,
    /// The value is longer than [`crate::limits::RECORD_BYTES_MAX`].
    TooLarge,
    /// The first byte is no marker, and the policy accepts framed payloads only.
    UnknownMarker,
    /// The compressed body is not what its marker says, or damaged.
    Decompression,
    /// The body expands beyond a limit, in bytes or in rows.
    ExpansionLimit,
    /// The body is not the protobuf encoding of a message.
    Protobuf,
    /// Messages nest deeper than [`crate::limits::NESTING_MAX`].
    Nesting,
    /// The message, or an event of a batch, has no header, and the policy demands one.
    MissingHeader,
    /// The header names a schema version that the policy does not accept.
    SchemaVersion,
    /// The envelope holds no message of a known type.
    NoKnownMessage,
    /// A whole batch of Kafka's log is damaged: the letter stands for all of its offsets, and its payload is the
    /// batch.
    CorruptBatch,
    /// The record is a letter of another program whose payload can be decoded.
    Forwarded,
    /// The record is a letter of another program that holds only a part of the payload, or none.
    ForwardedPart,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Tombstone,
        Self::Empty,
        Self::TooLarge,
        Self::UnknownMarker,
        Self::Decompression,
        Self::ExpansionLimit,
        Self::Protobuf,
        Self::Nesting,
        Self::MissingHeader,
        Self::SchemaVersion,
        Self::NoKnownMessage,
        Self::CorruptBatch,
        Self::Forwarded,
        Self::ForwardedPart,
    ];

    /// The reason of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The reason as it stands in column `reason` of `dead_letters`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::UnknownMarker => "unknown_marker",
            Self::Decompression => "decompression",
            Self::ExpansionLimit => "expansion_limit",
            Self::Protobuf => "protobuf",
            Self::Nesting => "nesting",
            Self::MissingHeader => "missing_header",
            Self::SchemaVersion => "schema_version",
            Self::NoKnownMessage => "no_known_message",
            Self::CorruptBatch => "corrupt_batch",
            Self::Forwarded => "forwarded",
            Self::ForwardedPart => "forwarded_part",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A payload that was not decoded: it becomes a dead letter.
///
/// It is one pointer wide, as every step of the decoder can return one and nearly none does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.detail)]
pub struct Rejection(Box<RejectionDetails>);

/// What a [`Rejection`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectionDetails {
    /// Which of the closed list of reasons.
    pub reason: Reason,
    /// What exactly was wrong: the thing, the value, the limit.
    pub detail: String,
}

impl std::ops::Deref for Rejection {
    type Target = RejectionDetails;

    fn deref(&self) -> &RejectionDetails {
        &self.0
    }
}

impl Rejection {
    /// A rejection for that reason.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self(Box::new(RejectionDetails {
            reason,
            detail: detail.into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_at_the_place_of_its_number() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "dead letters name reasons by this number");
            assert_eq!(Reason::from_name(&reason.to_string()), Some(reason));
        }
    }
}
