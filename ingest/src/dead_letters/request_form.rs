//! Requests and answers as JSON: words of the protocol between a command and the running ingester.

use quipu_proto::{LogPartition, PartitionId, Policy, Reason, Table, TopicIncarnation};
use quipu_store::ManifestId;
use serde::{Deserialize, Serialize};

use crate::dead_letters::{LeftLetter, LetterChoice, LetterPlace, ResolvedLetter, RetryReport, WhyLeft};
use crate::error::{IngestError, Result};

#[derive(Debug, Serialize, Deserialize)]
struct PlaceRecord {
    topic: String,
    incarnation: String,
    partition: i32,
    offset: i64,
}

impl PlaceRecord {
    fn of(place: &LetterPlace) -> Self {
        Self {
            topic: place.log.log.topic.to_string(),
            incarnation: place.log.log.incarnation.to_string(),
            partition: place.log.partition.0,
            offset: place.offset,
        }
    }

    fn into_place(self) -> LetterPlace {
        let log = TopicIncarnation::new(self.topic, self.incarnation);
        LetterPlace::new(LogPartition::new(log, PartitionId(self.partition)), self.offset)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    policy: String,
    /// None = all that are not resolved.
    letters: Option<Vec<PlaceRecord>>,
}

impl Request {
    pub(super) fn new(choice: &LetterChoice, policy: Policy) -> Self {
        let letters = match choice {
            LetterChoice::Unresolved => None,
            LetterChoice::Places(places) => Some(places.iter().map(PlaceRecord::of).collect()),
        };
        Self {
            policy: policy.as_str().to_owned(),
            letters,
        }
    }

    pub(super) fn parse(self) -> std::result::Result<(LetterChoice, Policy), String> {
        let policy = self.policy.parse::<Policy>().map_err(|error| error.to_string())?;
        let choice = match self.letters {
            None => LetterChoice::Unresolved,
            Some(places) => LetterChoice::places(places.into_iter().map(PlaceRecord::into_place)),
        };
        Ok((choice, policy))
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    error: Option<String>,
    policy: String,
    resolved: Vec<ResolvedRecord>,
    left: Vec<LeftRecord>,
    commits: Vec<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ResolvedRecord {
    #[serde(flatten)]
    place: PlaceRecord,
    table: String,
    rows: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct LeftRecord {
    #[serde(flatten)]
    place: PlaceRecord,
    why: String,
    reason: Option<String>,
    detail: Option<String>,
}

impl Answer {
    pub(super) fn error(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    pub(super) fn of(report: &RetryReport) -> Self {
        let resolved = report.resolved.iter().map(|letter| ResolvedRecord {
            place: PlaceRecord::of(&letter.place),
            table: letter.table.name().to_owned(),
            rows: letter.rows,
        });
        let left = report.left.iter().map(|letter| {
            let (why, reason, detail) = match &letter.why {
                WhyLeft::Refused { reason, detail } => ("refused", Some(*reason), Some(detail.clone())),
                WhyLeft::NoMessage(reason) => ("no_message", Some(*reason), None),
                WhyLeft::Resolved => ("resolved", None, None),
                WhyLeft::Unknown => ("unknown", None, None),
            };
            LeftRecord {
                place: PlaceRecord::of(&letter.place),
                why: why.to_owned(),
                reason: reason.map(|reason| reason.as_str().to_owned()),
                detail,
            }
        });
        Self {
            error: None,
            policy: report.policy.as_str().to_owned(),
            resolved: resolved.collect(),
            left: left.collect(),
            commits: report.commits.iter().map(|commit| commit.0).collect(),
        }
    }

    pub(super) fn into_report(self) -> Result<RetryReport> {
        match self.error {
            Some(message) => Err(IngestError::RequestFailed { message }),
            None => self.report().ok_or_else(|| IngestError::RequestFailed {
                message: "it answered with words that this version does not know".to_owned(),
            }),
        }
    }

    fn report(self) -> Option<RetryReport> {
        let resolved = self.resolved.into_iter().map(|letter| {
            Some(ResolvedLetter {
                table: Table::from_name(&letter.table)?,
                place: letter.place.into_place(),
                rows: letter.rows,
            })
        });
        let left = self.left.into_iter().map(|letter| {
            let reason = letter.reason.as_deref().and_then(Reason::from_name);
            let why = match letter.why.as_str() {
                "refused" => WhyLeft::Refused {
                    reason: reason?,
                    detail: letter.detail.unwrap_or_default(),
                },
                "no_message" => WhyLeft::NoMessage(reason?),
                "resolved" => WhyLeft::Resolved,
                "unknown" => WhyLeft::Unknown,
                _ => return None,
            };
            Some(LeftLetter {
                place: letter.place.into_place(),
                why,
            })
        });
        Some(RetryReport {
            policy: self.policy.parse().ok()?,
            resolved: resolved.collect::<Option<_>>()?,
            left: left.collect::<Option<_>>()?,
            commits: self.commits.into_iter().map(ManifestId).collect(),
        })
    }
}
