//! A benchmark for people.

use std::fmt::Write as _;

use super::result::BenchmarkResult;

/// The report of one benchmark. Every block but the last, of quality, ends with an empty line.
#[must_use]
pub fn format_benchmark_report(result: &BenchmarkResult) -> String {
    let mut text = String::new();
    write(&mut text, result).expect("writing to a String cannot fail");
    text
}

fn write(out: &mut String, result: &BenchmarkResult) -> std::fmt::Result {
    writeln!(out, "=== Benchmark Report ===\n")?;
    writeln!(out, "Samples: {}\n", result.sample_count)?;
    writeln!(out, "Latency (ms):")?;
    for (label, value) in [
        ("Min:", result.min_latency),
        ("P50:", result.p50_latency),
        ("Mean:", result.mean_latency),
        ("P95:", result.p95_latency),
        ("P99:", result.p99_latency),
        ("Max:", result.max_latency),
        ("StdDev:", result.stddev_latency),
    ] {
        writeln!(out, "  {label:<8} {value:.2}")?;
    }
    writeln!(out, "  {}:  {}\n", interval_label(result), interval(result))?;
    writeln!(out, "Throughput: {:.2} req/s\n", result.throughput)?;
    writeln!(out, "Tokens:")?;
    writeln!(out, "  Min:     {}", result.min_tokens)?;
    writeln!(out, "  Median:  {}", result.median_tokens)?;
    writeln!(out, "  Mean:    {:.0}", result.mean_tokens)?;
    writeln!(out, "  Max:     {}", result.max_tokens)?;
    writeln!(out, "  StdDev:  {:.2}\n", result.stddev_tokens)?;
    writeln!(out, "Cost (USD):")?;
    for (label, value) in [
        ("Min:", result.min_cost),
        ("Median:", result.median_cost),
        ("Mean:", result.mean_cost),
        ("Max:", result.max_cost),
        ("StdDev:", result.stddev_cost),
    ] {
        writeln!(out, "  {label:<8} ${value:.6}")?;
    }
    writeln!(out)?;
    if let Some(correctness) = result.mean_correctness {
        writeln!(out, "Quality:")?;
        writeln!(out, "  Correctness: {correctness:.2}")?;
        if let Some(relevance) = result.mean_relevance {
            writeln!(out, "  Relevance:   {relevance:.2}")?;
        }
        if let Some(safety) = result.mean_safety {
            writeln!(out, "  Safety:      {safety:.2}")?;
        }
    }
    Ok(())
}

/// `95% CI`. Files of dashflow-streaming do not tell their level, and say 95 for every one.
pub(super) fn interval_label(result: &BenchmarkResult) -> String {
    let percent = result.confidence_level.unwrap_or(0.95) * 100.0;
    // 0.99 * 100 is not 99 by a rounding error.
    format!("{}% CI", (percent * 1e6).round() / 1e6)
}

/// The limits of the interval of the mean latency.
pub(super) fn interval(result: &BenchmarkResult) -> String {
    if result.latency_ci_lower.is_finite() && result.latency_ci_upper.is_finite() {
        format!("[{:.2}, {:.2}]", result.latency_ci_lower, result.latency_ci_upper)
    } else {
        "not known from one sample".to_owned()
    }
}
