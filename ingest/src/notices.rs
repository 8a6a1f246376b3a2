//! What a Kafka source tells that a person should know of, as text.

use std::sync::Arc;

use crate::kafka::{LogChange, SourceEvent};

/// What a run over Kafka tells beside its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What is read, and from where.
    Info(String),
    /// What a person should know of.
    Warning(String),
}

impl Notice {
    /// The notice of an event, if it is worth one.
    pub(crate) fn of(event: &SourceEvent) -> Option<Self> {
        match event {
            SourceEvent::TopicsChosen { found, missing } => {
                let list =
                    |topics: &[Arc<str>]| topics.iter().map(|topic| &**topic).collect::<Vec<_>>().join(", ");
                let missing = if missing.is_empty() {
                    String::new()
                } else {
                    format!(" (not there: {})", list(missing))
                };
                Some(Self::Info(format!(
                    "no topic was named; reading {}{missing}",
                    list(found)
                )))
            }
            SourceEvent::Hole { partition, hole } => Some(Self::Warning(format!(
                "{}: offsets {} to {} are gone ({}); reading goes on behind them",
                partition.log, hole.first, hole.last, hole.cause
            ))),
            SourceEvent::NewIncarnation { previous, current } => {
                let known: Vec<_> = previous.iter().map(|log| &*log.incarnation).collect();
                Some(Self::Warning(format!(
                    "topic {} was created anew: reading incarnation {} from its start, after {}",
                    current.topic,
                    current.incarnation,
                    known.join(", ")
                )))
            }
            SourceEvent::LogChanged {
                previous,
                current,
                change,
            } => {
                let what = match change {
                    LogChange::Truncated { at } => {
                        format!(
                            "its log was cut at offset {at}; what was read behind that stays, and reading goes on there"
                        )
                    }
                    LogChange::Replaced => {
                        "its log is another one than was read, which stays; it is read from its start"
                            .to_owned()
                    }
                };
                Some(Self::Warning(format!(
                    "{previous}: {what}, as incarnation {}",
                    current.log.incarnation
                )))
            }
            SourceEvent::Stalled { partition, report } => {
                Some(Self::Warning(format!("{} is stalled: {report}", partition.log)))
            }
            SourceEvent::PartitionFailed { partition, error } => Some(Self::Warning(format!(
                "{} cannot be read on: {error}",
                partition.log
            ))),
            SourceEvent::Warning(text) => Some(Self::Warning(text.clone())),
            SourceEvent::PartitionOpened { .. }
            | SourceEvent::Fetched(_)
            | SourceEvent::PartitionDone { .. } => None,
        }
    }
}
