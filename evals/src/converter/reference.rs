//! Metrics as dashflow-streaming computes them.

use std::collections::BTreeMap;

use super::analytics::Analytics;
use super::{Conversion, Converted, Totals};
use crate::metrics::{EvalMetric, EvalMetrics, LlmPricing};

/// The metrics of the whole input, number for number; as values those alone that were measured.
pub(super) fn convert(analytics: &Analytics, pricing: LlmPricing) -> Converted {
    let summary = &analytics.summary;
    let nodes = &analytics.node_performance;
    let failed = analytics
        .sessions
        .iter()
        .filter(|session| session.error_count > 0)
        .count();
    let cost_usd = pricing.calculate_cost(summary.prompt_tokens, summary.completion_tokens);
    let metrics = EvalMetrics {
        p95_latency: nodes.iter().map(|node| node.p95).fold(0.0, f64::max),
        avg_latency: if nodes.is_empty() {
            0.0
        } else {
            nodes.iter().map(|node| node.avg_duration).sum::<f64>() / nodes.len() as f64
        },
        success_rate: if summary.total_sessions == 0 {
            1.0
        } else {
            1.0 - failed as f64 / summary.total_sessions as f64
        },
        error_rate: if summary.total_events == 0 {
            0.0
        } else {
            summary.total_errors as f64 / summary.total_events as f64
        },
        total_tokens: summary.total_tokens,
        cost_per_run: cost_usd,
        tool_calls: summary.total_events,
        ..EvalMetrics::default()
    };
    let mut values = metrics.values();
    // What dashflow-streaming writes where it has seen nothing, 0 ms and 100 %, is no measurement.
    for (metric, is_measured) in [
        (EvalMetric::P95Latency, !nodes.is_empty()),
        (EvalMetric::AvgLatency, !nodes.is_empty()),
        (EvalMetric::SuccessRate, summary.total_sessions > 0),
        (EvalMetric::ErrorRate, summary.total_events > 0),
    ] {
        if !is_measured {
            values.set(metric, None);
        }
    }
    Converted {
        conversion: Conversion::Reference,
        pricing,
        values,
        metrics,
        samples: BTreeMap::new(),
        sessions: Vec::new(),
        totals: Totals {
            sessions: summary.total_sessions,
            unfinished_sessions: 0,
            events: summary.total_events,
            errors: summary.total_errors,
            duration_ms: summary.total_duration,
            tokens: summary.total_tokens,
            prompt_tokens: summary.prompt_tokens,
            completion_tokens: summary.completion_tokens,
            cost_usd,
            tool_calls: summary.total_events,
        },
        notes: Vec::new(),
    }
}
