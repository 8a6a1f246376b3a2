//! One dead letter, whole.

use quipu_proto::Reason;

use crate::dead_letters::LetterPlace;

/// A dead letter as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Where its record stands.
    pub place: LetterPlace,
    /// Kafka's time of the record, microseconds since the Unix epoch.
    pub kafka_time_us: Option<i64>,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's headers as a JSON object.
    pub headers: Option<String>,
    /// Why it was not decoded; `None` for a reason that this version does not know.
    pub reason: Option<Reason>,
    /// What exactly was wrong.
    pub error: String,
    /// Name of the policy under which it was refused.
    pub policy: String,
    /// The record's value; `None` for a tombstone.
    pub payload: Option<Vec<u8>>,
}
