//! Part *source*: the records themselves, read again, against what the store made of them.
//!
//! | the source has | the store must have, there and nowhere else |
//! |---|---|
//! | a record that decodes under the policy | the rows of its messages, with their ids, in the table of its type |
//! | a record that does not | a dead letter with the same bytes, and rows only if it was retried since |
//! | a damaged batch | a dead letter with its bytes, and a hole for the rest of its offsets |
//! | a control record, a record of an aborted transaction, an offset that the log skips | a hole |
//! | an offset that retention or compaction has removed | anything: it cannot be checked any more, and is counted |
//!
//! Only offsets are compared that the store claims to have read.

use quipu_proto::LogPartition;
use quipu_store::Snapshot;

use super::finding::{FindingKind, FindingPlace, Part};
use super::{Check, Complete, frames, kafka};
use crate::frames::FramesFile;
use crate::kafka::KafkaOptions;

/// Where records are read again.
#[derive(Clone, Debug)]
pub enum VerifySource {
    /// Frames files, whole.
    Frames(Vec<FramesFile>),
    /// Kafka. With [`StartFrom::Stored`](crate::kafka::StartFrom::Stored) reading begins where the store began;
    /// [`Until::Follow`](crate::kafka::Until::Follow) is taken as the end.
    Kafka(Box<KafkaOptions>),
}

pub(super) fn check(check: &mut Check<'_>, snapshot: &Snapshot, source: &VerifySource) -> Complete {
    match source {
        VerifySource::Frames(files) => {
            let mut complete = Complete::Yes;
            for file in files {
                complete.and(frames::check(check, snapshot, file));
            }
            complete
        }
        VerifySource::Kafka(options) => kafka::check(check, snapshot, options),
    }
}

/// Names a source that cannot be read to its end.
pub(super) fn unreadable(check: &mut Check<'_>, source: String, error: &dyn std::error::Error) {
    let kind = FindingKind::SourceUnreadable;
    let place = FindingPlace::Source(source);
    check.report.find(
        Part::Source,
        kind,
        place,
        "records up to the end",
        error.to_string(),
    );
}

/// Offsets as a place.
pub(super) fn offsets(log: &LogPartition, first: i64, last: i64) -> FindingPlace {
    FindingPlace::Offsets {
        log: log.clone(),
        first,
        last,
    }
}
