//! Metrics of sessions.

use std::collections::BTreeMap;

use quipu_stats::percentile::Method;

use super::analytics::Analytics;
use super::session::{End, Session};
use super::{Conversion, Converted, Totals};
use crate::metrics::{EvalMetric, EvalMetrics, LlmPricing, MetricValues};

/// The metrics of one session among those of the input, by the formulas of [`Conversion::Default`].
pub(super) fn convert(analytics: &Analytics, pricing: LlmPricing) -> Converted {
    let sessions = &analytics.sessions;
    let summary = &analytics.summary;
    let ends: Vec<End> = sessions
        .iter()
        .map(|session| session.end(analytics.has_graph_runs()))
        .collect();
    let unfinished = ends.iter().filter(|end| **end == End::Unfinished).count();
    let tool_calls = if analytics.counts_calls() {
        sessions.iter().map(|session| session.tool_calls).sum()
    } else {
        let tools = &analytics.tool_performance;
        tools.iter().map(|tool| tool.completed + tool.failed).sum()
    };
    let cost_usd = pricing.calculate_cost(summary.prompt_tokens, summary.completion_tokens);
    let samples = samples(analytics, &ends, pricing);

    let mut values = MetricValues::default();
    // Sums of the summary are those of all sessions, of which the list may have some.
    let all = summary.total_sessions.max(sessions.len() as u64);
    let a_session = |total: f64| (!sessions.is_empty()).then(|| total / all as f64);
    let mean = |metric: EvalMetric| {
        let sample = samples.get(metric.name()).filter(|sample| !sample.is_empty())?;
        Some(sample.iter().sum::<f64>() / sample.len() as f64)
    };
    for (metric, value) in [
        (EvalMetric::P95Latency, p95(&samples)),
        (EvalMetric::AvgLatency, mean(EvalMetric::AvgLatency)),
        (EvalMetric::SuccessRate, mean(EvalMetric::SuccessRate)),
        (EvalMetric::ErrorRate, mean(EvalMetric::ErrorRate)),
        (EvalMetric::TotalTokens, mean(EvalMetric::TotalTokens)),
        (
            EvalMetric::CostPerRun,
            mean(EvalMetric::CostPerRun).or_else(|| a_session(cost_usd)),
        ),
        (
            EvalMetric::ToolCalls,
            mean(EvalMetric::ToolCalls).or_else(|| a_session(tool_calls as f64)),
        ),
    ] {
        values.set(metric, value);
    }
    Converted {
        conversion: Conversion::Default,
        pricing,
        metrics: values.rounded(),
        values,
        samples: samples
            .into_iter()
            .map(|(name, sample)| (name.to_owned(), sample))
            .collect(),
        sessions: runs(analytics, &ends, pricing, cost_usd),
        totals: Totals {
            sessions: sessions.len() as u64,
            unfinished_sessions: unfinished as u64,
            events: summary.total_events,
            errors: summary.total_errors,
            duration_ms: summary.total_duration,
            tokens: summary.total_tokens,
            prompt_tokens: summary.prompt_tokens,
            completion_tokens: summary.completion_tokens,
            cost_usd,
            tool_calls,
        },
        notes: notes(analytics, unfinished),
    }
}

/// Sessions as runs.
fn runs(analytics: &Analytics, ends: &[End], pricing: LlmPricing, cost_usd: f64) -> Vec<EvalMetrics> {
    let tokens = analytics.summary.total_tokens.max(1) as f64;
    analytics
        .sessions
        .iter()
        .zip(ends)
        .filter(|(session, _)| session.event_count > 0)
        .map(|(session, end)| EvalMetrics {
            p95_latency: session.duration,
            avg_latency: session.duration,
            success_rate: if *end == End::Succeeded { 1.0 } else { 0.0 },
            error_rate: if session.has_error() { 1.0 } else { 0.0 },
            total_tokens: session.total_tokens,
            cost_per_run: session
                .cost(pricing)
                .unwrap_or(cost_usd * session.total_tokens as f64 / tokens),
            tool_calls: session.tool_calls,
            ..EvalMetrics::default()
        })
        .collect()
}

/// What single sessions gave, by metric.
fn samples(analytics: &Analytics, ends: &[End], pricing: LlmPricing) -> BTreeMap<&'static str, Vec<f64>> {
    let sessions = &analytics.sessions;
    let one_if = |yes: bool| if yes { 1.0 } else { 0.0 };
    let durations: Vec<f64> = sessions
        .iter()
        .filter(|session| session.event_count > 0)
        .map(|session| session.duration)
        .collect();
    let numbers = |of: fn(&Session) -> u64| sessions.iter().map(|session| of(session) as f64).collect();
    let mut samples = BTreeMap::from([
        (EvalMetric::P95Latency.name(), durations.clone()),
        (EvalMetric::AvgLatency.name(), durations),
        (
            EvalMetric::SuccessRate.name(),
            ends.iter().map(|end| one_if(*end == End::Succeeded)).collect(),
        ),
        (
            EvalMetric::ErrorRate.name(),
            sessions
                .iter()
                .map(|session| one_if(session.has_error()))
                .collect(),
        ),
        (
            EvalMetric::TotalTokens.name(),
            numbers(|session| session.total_tokens),
        ),
    ]);
    if analytics.counts_calls() {
        samples.insert(
            EvalMetric::ToolCalls.name(),
            numbers(|session| session.tool_calls),
        );
    }
    let costs: Option<Vec<f64>> = sessions.iter().map(|session| session.cost(pricing)).collect();
    if let Some(costs) = costs {
        samples.insert(EvalMetric::CostPerRun.name(), costs);
    }
    samples
}

fn p95(samples: &BTreeMap<&'static str, Vec<f64>>) -> Option<f64> {
    let mut durations = samples.get(EvalMetric::P95Latency.name())?.clone();
    Method::Linear.of(&mut durations, 0.95)
}

/// What a reader of the metrics should know.
fn notes(analytics: &Analytics, unfinished: usize) -> Vec<String> {
    let listed = analytics.sessions.len();
    let mut notes = Vec::new();
    if listed == 0 {
        notes.push("there is no session in the analytics, so nothing was measured".to_owned());
    }
    if unfinished > 0 {
        notes.push(format!(
            "{unfinished} of {listed} sessions have no end and count as not successful"
        ));
    }
    let told = analytics.summary.total_sessions;
    if told != listed as u64 {
        notes.push(format!(
            "the summary tells of {told} sessions and {listed} are listed; the metrics are of those that are listed, but \
             for what only the summary tells"
        ));
    }
    if !analytics.counts_calls() && listed > 0 {
        notes.push(
            "the analytics count the stages of tool calls in sessions, so tool calls are those that ended, from the list of \
             tools"
                .to_owned(),
        );
    }
    notes
}
