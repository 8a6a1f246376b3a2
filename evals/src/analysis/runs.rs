//! Runs of graphs.

use super::document::Event;
use super::durations::Durations;

/// Node id of the events of type GRAPH_ERROR that tell of low quality: alerts, and no failed runs.
const ALERT_NODE: &str = "quality_monitor";

/// Runs, by how they begin and end.
#[derive(Debug, Default)]
pub(super) struct RunTally {
    pub(super) started: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) alerts: u64,
    pub(super) durations: Durations,
}

/// Whether the event is an alert about quality.
pub(super) fn is_alert(event: &Event<'_>) -> bool {
    event.event_type == "GRAPH_ERROR" && event.node_id == Some(ALERT_NODE)
}

impl RunTally {
    /// Counts an event, if it is one of the graph.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        match event.event_type {
            "GRAPH_START" => self.started += 1,
            "GRAPH_END" => {
                self.completed += 1;
                if let Some(ms) = event.duration_ms {
                    self.durations.push(ms);
                }
            }
            "GRAPH_ERROR" if is_alert(event) => self.alerts += 1,
            "GRAPH_ERROR" => self.failed += 1,
            _ => {}
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.started += other.started;
        self.completed += other.completed;
        self.failed += other.failed;
        self.alerts += other.alerts;
        self.durations.merge(other.durations);
    }
}
