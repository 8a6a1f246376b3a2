//! Tool calls, and what is told of a tool.

use super::document::ToolStage;
use super::durations::Durations;

/// One call, from all its stages.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// The tool, and the place of the message that named it: the first one does.
    tool: Option<(u64, Box<str>)>,
    started: u64,
    retries: u64,
    is_retried: bool,
    completed: Option<Ended>,
    failed: Option<Ended>,
}

/// An end of a call; its duration where it has one.
#[derive(Clone, Copy, Debug)]
struct Ended(Option<f64>);

impl Ended {
    /// A copy of a message tells the same again; of different durations the longest holds.
    fn merge(known: &mut Option<Self>, other: Self) {
        match known {
            Some(Self(duration)) => {
                *duration = match (*duration, other.0) {
                    (Some(one), Some(two)) => Some(one.max(two)),
                    (one, two) => one.or(two),
                };
            }
            None => *known = Some(other),
        }
    }
}

impl Call {
    pub(super) fn add(&mut self, order: u64, stage: &ToolStage<'_>) {
        if self.tool.as_ref().is_none_or(|(first, _)| order < *first) {
            self.tool = Some((order, stage.tool_name.into()));
        }
        let retries = u64::from(stage.retry_count);
        self.retries = self.retries.max(retries);
        self.is_retried |= retries > 0;
        match stage.stage {
            "STARTED" => self.started += 1,
            "RETRYING" => self.is_retried = true,
            "COMPLETED" => Ended::merge(&mut self.completed, Ended(stage.duration_ms)),
            "FAILED" => Ended::merge(&mut self.failed, Ended(stage.duration_ms)),
            _ => {}
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        let is_earlier = match (&self.tool, &other.tool) {
            (Some((one, _)), Some((two, _))) => two < one,
            (one, _) => one.is_none(),
        };
        if is_earlier {
            self.tool = other.tool;
        }
        self.started += other.started;
        self.retries = self.retries.max(other.retries);
        self.is_retried |= other.is_retried;
        if let Some(ended) = other.completed {
            Ended::merge(&mut self.completed, ended);
        }
        if let Some(ended) = other.failed {
            Ended::merge(&mut self.failed, ended);
        }
    }

    pub(super) fn tool_name(&self) -> &str {
        self.tool.as_ref().map_or("", |(_, name)| name)
    }

    /// Whether the call failed for good: a failure that a retry made up for is none.
    pub(super) fn is_failed(&self) -> bool {
        self.failed.is_some() && self.completed.is_none()
    }

    /// How often the tool was tried: once, and once more for each retry.
    fn attempts(&self) -> u64 {
        self.started.max(self.retries + 1)
    }
}

/// What is counted of one tool.
#[derive(Debug, Default)]
pub(super) struct ToolTally {
    pub(super) calls: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    pub(super) attempts: u64,
    pub(super) durations: Durations,
}

impl ToolTally {
    /// Counts a whole call.
    pub(super) fn add_call(&mut self, call: &Call) {
        self.calls += 1;
        self.completed += u64::from(call.completed.is_some());
        self.failed += u64::from(call.is_failed());
        self.retried += u64::from(call.is_retried || call.started > 1);
        self.attempts += call.attempts();
        if let Some(ms) = call
            .completed
            .or(call.failed)
            .and_then(|Ended(duration)| duration)
        {
            self.durations.push(ms);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.completed += other.completed;
        self.failed += other.failed;
        self.retried += other.retried;
        self.attempts += other.attempts;
        self.durations.merge(other.durations);
    }
}
