//! A benchmark as lines for people, and as JSON.

use std::fmt::{self, Write};

use serde::Serialize;

use super::benchmark::Benchmark;
use super::environment::Environment;
use super::figures::{number, value};
use super::summary::{SAMPLES_MIN, Summary};

/// A benchmark as lines: what was run and where, then the distribution of each metric, the interval of the mean at a level
/// such as 0.95, then what is to be known about it.
#[must_use]
pub fn to_text(benchmark: &Benchmark, level: f64) -> String {
    let mut out = String::new();
    // Writing into memory does not fail.
    let _ = write_benchmark(&mut out, benchmark, level);
    out
}

/// A benchmark as one JSON object: `name`, `command`, `started_at`, `environment`, `warmup`, `seed`, `runs`, `failed`, `metrics`
/// (one [`Summary`] each), `notes`.
#[must_use]
pub fn to_json(benchmark: &Benchmark, level: f64) -> String {
    #[derive(Serialize)]
    struct Json<'a> {
        name: &'a str,
        command: String,
        started_at: &'a str,
        environment: &'a Environment,
        warmup: usize,
        seed: Option<u64>,
        runs: usize,
        failed: usize,
        metrics: Vec<Summary>,
        notes: Vec<String>,
    }
    let json = Json {
        name: &benchmark.name,
        command: benchmark.command.to_string(),
        started_at: &benchmark.started_at,
        environment: &benchmark.environment,
        warmup: benchmark.warmup,
        seed: benchmark.seed,
        runs: benchmark.samples.len(),
        failed: benchmark.failed(),
        metrics: summaries(benchmark, level).collect(),
        notes: benchmark.notes(),
    };
    // Texts, and numbers: one that is not finite becomes null.
    let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
    text.push('\n');
    text
}

fn summaries(benchmark: &Benchmark, level: f64) -> impl Iterator<Item = Summary> {
    let metrics = benchmark.metrics().into_iter();
    metrics.filter_map(move |metric| Summary::of(benchmark, metric, level))
}

fn write_benchmark(out: &mut String, benchmark: &Benchmark, level: f64) -> fmt::Result {
    let Environment {
        quipu_version,
        os,
        arch,
        cpus,
        load_average,
    } = &benchmark.environment;
    writeln!(out, "{}", benchmark.command)?;
    write!(
        out,
        "  {} runs after {} of warm-up, {}, {os} {arch}, {cpus} processors",
        benchmark.samples.len(),
        benchmark.warmup,
        benchmark.started_at
    )?;
    if let Some(load) = load_average {
        write!(out, ", load {load:.2}")?;
    }
    writeln!(out, ", quipu {quipu_version}")?;
    for summary in summaries(benchmark, level) {
        writeln!(out)?;
        write_summary(out, &summary)?;
    }
    let notes = benchmark.notes();
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

fn write_summary(out: &mut String, summary: &Summary) -> fmt::Result {
    let metric = &summary.metric;
    write!(out, "{metric}\n  mean {}", value(metric, summary.mean))?;
    if let Some(interval) = summary.interval {
        write!(
            out,
            "  {} % CI [{}, {}]",
            interval.level * 100.0,
            number(interval.lower),
            number(interval.upper)
        )?;
    }
    if let Some(deviation) = summary.deviation {
        write!(out, "  sd {}", number(deviation))?;
    }
    writeln!(
        out,
        "\n  min {}  p50 {}  p95 {}  p99 {}  max {}",
        number(summary.min),
        number(summary.p50),
        number(summary.p95),
        number(summary.p99),
        number(summary.max)
    )?;
    if summary.mild_outliers + summary.extreme_outliers > 0 {
        writeln!(
            out,
            "  outliers: {} mild, {} extreme (they count)",
            summary.mild_outliers, summary.extreme_outliers
        )?;
    }
    Ok(())
}

/// Failed runs that are named one by one.
const FAILURES_NAMED_MAX: usize = 5;

impl Benchmark {
    /// What is to be known about a benchmark before anything is concluded from it, a line each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let failed = self.failed();
        if failed > 0 {
            let named: Vec<String> = (self.samples.iter())
                .filter_map(|sample| Some(format!("run {} {}", sample.number, sample.failure?)))
                .take(FAILURES_NAMED_MAX)
                .collect();
            notes.push(format!(
                "{failed} of {} runs failed and are in no figure: {}",
                self.samples.len(),
                named.join(", ")
            ));
        }
        let good = self.samples.len() - failed;
        if good < SAMPLES_MIN {
            notes.push(format!(
                "{good} runs are too few for a conclusion: {SAMPLES_MIN} at least are needed"
            ));
        }
        if self.environment.is_busy() {
            notes.push(
                "the machine was busy when the benchmark began: times are longer than they need be"
                    .to_owned(),
            );
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::bench::example;
    use crate::bench::sample::{Failure, Sample};

    fn fixed(values: &[f64]) -> Benchmark {
        let mut benchmark = example::benchmark(values);
        benchmark.started_at = "2026-01-02T03:04:05Z".to_owned();
        benchmark.environment = Environment {
            quipu_version: "1.2.3".to_owned(),
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            cpus: 4,
            load_average: Some(0.5),
        };
        benchmark.warmup = 5;
        benchmark
    }

    #[test]
    fn figures_are_shown_with_unit_and_level() {
        let text = to_text(&fixed(&[10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 90.0]), 0.99);
        let expected = "\
agent --once
  7 runs after 5 of warm-up, 2026-01-02T03:04:05Z, linux x86_64, 4 processors, load 0.50, quipu 1.2.3

wall_time_ms
  mean 23.57 ms  99 % CI [-17.54, 64.69]  sd 29.34
  min 10.00  p50 13.00  p95 67.50  p99 85.50  max 90.00
  outliers: 0 mild, 1 extreme (they count)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_keeps_a_conclusion_back_is_noted() {
        let mut benchmark = fixed(&[10.0, 11.0, 12.0, 13.0]);
        benchmark.samples.push(Sample {
            number: 5,
            failure: Some(Failure::ExitCode(3)),
            ..Sample::default()
        });
        benchmark.environment.load_average = Some(9.0);
        let notes = benchmark.notes();
        assert_eq!(
            notes[0],
            "1 of 5 runs failed and are in no figure: run 5 ended with exit code 3"
        );
        assert!(notes[1].starts_with("4 runs are too few"), "{}", notes[1]);
        assert!(notes[2].starts_with("the machine was busy"), "{}", notes[2]);
        assert!(to_text(&benchmark, 0.95).ends_with("need be\n"));
        assert!(fixed(&[1.0; 5]).notes().is_empty());
    }

    #[test]
    fn json_has_the_figures_and_no_samples() {
        let json: Value = serde_json::from_str(&to_json(&fixed(&[10.0, 12.0, 14.0]), 0.95)).unwrap();
        assert_eq!((&json["runs"], &json["failed"]), (&3.into(), &0.into()));
        let metric = &json["metrics"][0];
        assert_eq!(
            (&metric["metric"], &metric["mean"]),
            (&"wall_time_ms".into(), &12.0.into())
        );
        assert_eq!(metric["interval"]["level"], 0.95);
        assert_eq!(json["environment"]["cpus"], 4);
        assert_eq!(json["command"], "agent --once");
        assert_eq!(json["notes"].as_array().unwrap().len(), 1);
    }
}
