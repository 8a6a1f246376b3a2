//! Judges answers and tells of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quipu_proto::message::EventType;
use quipu_proto::message::dash_stream_message::Message;

use super::judge::{Judge, Judgement, Subject};
use super::scores::{ScoreError, in_range};
use crate::recorder::{Attributes, Metric, Scope, metrics};

/// The least mean of the scores that lets an answer pass, unless told otherwise.
pub const THRESHOLD: f64 = 0.7;

/// How long a judge may take, unless told otherwise.
pub const JUDGE_TIMEOUT: Duration = Duration::from_secs(30);

/// How far a mean may be below the threshold by its rounding alone: that of three times 0.7 is 0.6999999999999998.
const ROUNDING: f64 = 1e-9;

/// The node that alerts come from: readers tell them from failures of a graph by it.
const MONITOR_NODE: &str = "quality_monitor";

/// What became of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The mean of its scores reaches the threshold.
    Passed(Judgement),
    /// It does not.
    Failed(Judgement),
    /// Nobody knows: the judge failed, or took too long. That is no pass.
    NotJudged {
        /// Why.
        reason: String,
    },
}

impl Verdict {
    /// Whether the answer is good enough, by a judge.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Passed(_))
    }

    /// What the judge said, if it did.
    #[must_use]
    pub fn judgement(&self) -> Option<&Judgement> {
        match self {
            Self::Passed(judgement) | Self::Failed(judgement) => Some(judgement),
            Self::NotJudged { .. } => None,
        }
    }

    /// The mean of the scores; none if it was not judged.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.judgement().map(|judgement| judgement.scores.mean())
    }
}

/// Has answers judged, and tells the verdicts in a thread: the messages that view `quality` reads.
#[derive(Clone)]
pub struct QualityMonitor {
    judge: Arc<dyn Judge>,
    threshold: f64,
    timeout: Duration,
    tags: BTreeMap<String, String>,
}

impl fmt::Debug for QualityMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QualityMonitor")
            .field("threshold", &self.threshold)
            .field("timeout", &self.timeout)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

impl QualityMonitor {
    /// Answers pass from [`THRESHOLD`] on; the judge has [`JUDGE_TIMEOUT`].
    #[must_use]
    pub fn new(judge: Arc<dyn Judge>) -> Self {
        Self {
            judge,
            threshold: THRESHOLD,
            timeout: JUDGE_TIMEOUT,
            tags: BTreeMap::new(),
        }
    }

    /// The least mean of the scores that lets an answer pass.
    ///
    /// # Errors
    /// It is not from 0 to 1.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Self, ScoreError> {
        self.threshold = in_range("threshold", threshold)?;
        Ok(self)
    }

    /// How long the judge may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Adds a tag to what is told, such as `model` or `category`.
    #[must_use]
    pub fn with_tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }

    /// Has an answer judged, and tells the verdict at this place: in a run, a node, or a thread. Below the threshold it tells an
    /// alert too.
    pub async fn evaluate(&self, scope: &Scope, subject: Subject<'_>) -> Verdict {
        let verdict = self.assess(scope, subject, 0).await;
        self.alert(scope, &verdict);
        verdict
    }

    /// The same without the alert, of an answer that was asked for again that many times.
    pub(super) async fn assess(&self, scope: &Scope, subject: Subject<'_>, retry_count: u32) -> Verdict {
        let began = Instant::now();
        let judged = tokio::time::timeout(self.timeout, self.judge.judge(subject)).await;
        let verdict = match judged {
            Ok(Ok(judgement)) => self.verdict(judgement),
            Ok(Err(error)) => Verdict::NotJudged {
                reason: format!("the judge failed: {error}"),
            },
            Err(_) => Verdict::NotJudged {
                reason: format!("the judge took more than {:?}", self.timeout),
            },
        };
        self.tell(scope, &verdict, began.elapsed(), retry_count);
        verdict
    }

    fn verdict(&self, mut judgement: Judgement) -> Verdict {
        for (name, score) in judgement.scores.named() {
            let issue = format!("low_{name}");
            if score < self.threshold && !judgement.issues.contains(&issue) {
                judgement.issues.push(issue);
            }
        }
        if judgement.scores.mean() >= self.threshold - ROUNDING {
            Verdict::Passed(judgement)
        } else {
            Verdict::Failed(judgement)
        }
    }

    fn tell(&self, scope: &Scope, verdict: &Verdict, took: Duration, retry_count: u32) {
        let (tenant_id, thread_id) = scope.names();
        let mut told = vec![
            Metric::gauge("latency_ms", took.as_secs_f64() * 1e3, "ms"),
            Metric::counter("retry_count", i64::from(retry_count), "count"),
        ];
        let mut tags = self.tags.clone();
        tags.insert("tenant_id".to_owned(), tenant_id.to_owned());
        tags.insert("thread_id".to_owned(), thread_id.to_owned());
        match verdict {
            Verdict::Passed(judgement) | Verdict::Failed(judgement) => {
                let scores = judgement.scores.named();
                told.extend(scores.map(|(name, score)| Metric::gauge(name, score, "ratio")));
                told.push(Metric::gauge("quality_score", judgement.scores.mean(), "ratio"));
                told.push(Metric::flag("passed", verdict.is_passed()));
                for issue in &judgement.issues {
                    tags.entry(issue.clone()).or_insert_with(|| "true".to_owned());
                }
            }
            // Without `passed`: what is not known is neither yes nor no.
            Verdict::NotJudged { reason } => {
                tags.insert("not_judged".to_owned(), "true".to_owned());
                tags.insert("reason".to_owned(), reason.clone());
            }
        }
        scope.send(Message::Metrics(metrics("quality", thread_id, told, tags)));
    }

    /// Tells an alert if the answer is below the threshold.
    pub(super) fn alert(&self, scope: &Scope, verdict: &Verdict) {
        let Verdict::Failed(judgement) = verdict else {
            return;
        };
        let attributes = Attributes::default()
            .with("alert_type", "LOW_QUALITY")
            .with("quality_score", judgement.scores.mean())
            .with("threshold", self.threshold)
            .with("issues", judgement.issues.join(", "));
        let event = attributes.event(EventType::GraphError, MONITOR_NODE);
        scope.send(Message::Event(event));
    }
}
