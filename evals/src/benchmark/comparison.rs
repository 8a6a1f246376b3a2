//! Two benchmarks for people.

use std::fmt::Write as _;

use super::judge::{LatencyJudgement, PerformanceJudgement, judge_performance};
use super::report::{interval, interval_label};
use super::result::BenchmarkResult;
use crate::output::change;
use crate::verdict::Verdict;

/// The report of a benchmark beside its baseline. Every block ends with an empty line.
#[must_use]
pub fn format_comparison_report(
    baseline: &BenchmarkResult,
    current: &BenchmarkResult,
    threshold: f64,
) -> String {
    comparison_report(
        baseline,
        current,
        &judge_performance(baseline, current, threshold),
    )
}

/// The same, for a judgement that has been made.
pub(crate) fn comparison_report(
    baseline: &BenchmarkResult,
    current: &BenchmarkResult,
    judgement: &PerformanceJudgement,
) -> String {
    let mut text = String::new();
    write(&mut text, baseline, current, judgement).expect("writing to a String cannot fail");
    text
}

fn write(
    out: &mut String,
    baseline: &BenchmarkResult,
    current: &BenchmarkResult,
    judgement: &PerformanceJudgement,
) -> std::fmt::Result {
    writeln!(out, "=== Benchmark Comparison ===\n")?;
    let word_of = |of: &LatencyJudgement| {
        let word = word(of.verdict);
        format!("{word}\n  Because:  {}", of.evidence)
    };
    if let Some(mean) = &judgement.mean {
        writeln!(out, "Mean Latency:")?;
        writeln!(out, "  Baseline: {:.2}ms", baseline.mean_latency)?;
        writeln!(out, "  Current:  {:.2}ms", current.mean_latency)?;
        let change = change(baseline.mean_latency, current.mean_latency);
        writeln!(out, "  Change:   {change} {}\n", word_of(mean))?;
    }
    writeln!(out, "P95 Latency:")?;
    for (label, side) in [("Baseline:", baseline), ("Current: ", current)] {
        writeln!(
            out,
            "  {label} {:.2}ms ({}: {})",
            side.p95_latency,
            interval_label(side),
            interval(side)
        )?;
    }
    let said = match &judgement.p95 {
        Some(p95) => word_of(p95),
        // By the old rule less is an improvement, however little.
        None if judgement.verdict == Verdict::Pass && current.p95_latency < baseline.p95_latency => {
            word(Verdict::Improved).to_owned()
        }
        None => word(judgement.verdict).to_owned(),
    };
    let change = change(baseline.p95_latency, current.p95_latency);
    writeln!(out, "  Change:   {change} {said}")?;
    if let Some(evidence) = &judgement.evidence {
        writeln!(out, "  Because:  {evidence}")?;
    }
    writeln!(out)?;
    block(
        out,
        "Throughput",
        baseline.throughput,
        current.throughput,
        |value| format!("{value:.2} req/s"),
    )?;
    block(
        out,
        "Tokens",
        baseline.mean_tokens,
        current.mean_tokens,
        |value| format!("{value:.0}"),
    )?;
    block(out, "Cost", baseline.mean_cost, current.mean_cost, |value| {
        format!("${value:.6}")
    })
}

fn block(
    out: &mut String,
    name: &str,
    baseline: f64,
    current: f64,
    format: impl Fn(f64) -> String,
) -> std::fmt::Result {
    writeln!(out, "{name}:")?;
    writeln!(out, "  Baseline: {}", format(baseline))?;
    writeln!(out, "  Current:  {}", format(current))?;
    writeln!(out, "  Change:   {}\n", change(baseline, current))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "⚠️  REGRESSION DETECTED",
        Verdict::Inconclusive => "❔ INCONCLUSIVE",
        Verdict::Improved => "✅ IMPROVED",
        Verdict::Pass => "✅ ACCEPTABLE",
    }
}
