//! What is counted of one node.

use super::durations::Durations;

/// Executions of a node.
#[derive(Debug, Default)]
pub(super) struct NodeTally {
    pub(super) executions: u64,
    pub(super) errors: u64,
    pub(super) durations: Durations,
}

impl NodeTally {
    /// Counts an execution that came to its end.
    pub(super) fn add_execution(&mut self, duration_ms: Option<f64>) {
        self.executions += 1;
        if let Some(ms) = duration_ms {
            self.durations.push(ms);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.executions += other.executions;
        self.errors += other.errors;
        self.durations.merge(other.durations);
    }
}
