//! Statistics of all quantities, and their file.

use std::path::Path;

use chrono::Utc;
use quipu_stats::interval::mean_interval;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::summary::Summary;
use super::unbounded;
use crate::baseline::{Environment, PricingRecord};
use crate::converter::Conversion;
use crate::error::{EvalError, Result};
use crate::file::{self, Overwrite};
use crate::metrics::EvalMetrics;

/// Statistics of many runs. The file has the keys of this type in their order; those up to `mean_safety` are known to readers
/// of dashflow-streaming, the others are absent in its files. Keys that this version does not know are kept.
///
/// Latencies are in milliseconds, costs in USD. Percentiles are by the rule `rounded` of
/// [`quipu_stats::percentile::Method`], deviations those of the values themselves (n in the denominator).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct BenchmarkResult {
    /// Runs.
    pub sample_count: usize,
    /// Shortest latency.
    pub min_latency: f64,
    /// Longest latency.
    pub max_latency: f64,
    /// Mean latency.
    pub mean_latency: f64,
    /// Median latency.
    pub median_latency: f64,
    /// Median latency.
    pub p50_latency: f64,
    /// 95th percentile of the latency.
    pub p95_latency: f64,
    /// 99th percentile of the latency.
    pub p99_latency: f64,
    /// Standard deviation of the latency.
    pub stddev_latency: f64,
    /// Lower limit of the interval of the mean latency, by Student's t. One run tells nothing of it: then it has no limits,
    /// which JSON writes as null.
    #[serde(deserialize_with = "unbounded::below")]
    pub latency_ci_lower: f64,
    /// Upper limit of that interval.
    #[serde(deserialize_with = "unbounded::above")]
    pub latency_ci_upper: f64,
    /// Requests a second, one after the other; infinite, in JSON null, if the mean latency is 0.
    #[serde(deserialize_with = "unbounded::above")]
    pub throughput: f64,
    /// Fewest tokens.
    pub min_tokens: u64,
    /// Most tokens.
    pub max_tokens: u64,
    /// Mean of the tokens.
    pub mean_tokens: f64,
    /// Upper median of the tokens.
    pub median_tokens: u64,
    /// Standard deviation of the tokens.
    pub stddev_tokens: f64,
    /// Least cost.
    pub min_cost: f64,
    /// Greatest cost.
    pub max_cost: f64,
    /// Mean of the cost.
    pub mean_cost: f64,
    /// Upper median of the cost.
    pub median_cost: f64,
    /// Standard deviation of the cost.
    pub stddev_cost: f64,
    /// Mean of correctness over the runs that have it.
    #[serde(default)]
    pub mean_correctness: Option<f64>,
    /// Mean of relevance over the runs that have it.
    #[serde(default)]
    pub mean_relevance: Option<f64>,
    /// Mean of safety over the runs that have it.
    #[serde(default)]
    pub mean_safety: Option<f64>,
    /// Version of the file's form; none in files of dashflow-streaming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// When it was computed, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Level of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence_level: Option<f64>,
    /// Runs that warmed up and are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<usize>,
    /// What one run is: `session`, or `file` of analytics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_unit: Option<String>,
    /// By which formulas a run's latency and cost were computed from analytics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting: Option<Conversion>,
    /// Prices by which the cost was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<PricingRecord>,
    /// Where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The runs themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<BenchmarkSamples>,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The runs of a benchmark, in their order.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct BenchmarkSamples {
    /// Latencies, milliseconds.
    pub latency_ms: Vec<f64>,
    /// Tokens.
    #[serde(default)]
    pub tokens: Vec<u64>,
    /// Costs, USD.
    #[serde(default)]
    pub cost_usd: Vec<f64>,
}

impl BenchmarkResult {
    /// The version of the form that is written.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The statistics of runs.
    ///
    /// # Errors
    ///
    /// There is no run, a latency or cost is not finite, or the level is not between 0 and 1.
    pub fn of_metrics(runs: &[EvalMetrics], confidence_level: f64) -> Result<Self> {
        if !(confidence_level > 0.0 && confidence_level < 1.0) {
            return Err(EvalError::Usage(format!(
                "the confidence level is {confidence_level}; give a number between 0 and 1, such as 0.95"
            )));
        }
        if runs.is_empty() {
            return Err(invalid("no samples to analyze; bring at least one run".into()));
        }
        let summary = |name: &str, values: &[f64]| {
            Summary::of(values)
                .ok_or_else(|| invalid(format!("a {name} is not a finite number; measure again")))
        };
        let latencies: Vec<f64> = runs.iter().map(|run| run.p95_latency).collect();
        let latency = summary("latency", &latencies)?;
        let tokens = summary(
            "number of tokens",
            &runs.iter().map(|run| run.total_tokens as f64).collect::<Vec<_>>(),
        )?;
        let costs: Vec<f64> = runs.iter().map(|run| run.cost_per_run).collect();
        let cost = summary("cost", &costs)?;
        let (lower, upper) = mean_interval(&latencies, confidence_level)
            .map_or((f64::NEG_INFINITY, f64::INFINITY), |interval| {
                (interval.lower, interval.upper)
            });
        let median = latency.percentile(0.5);
        Ok(Self {
            sample_count: runs.len(),
            min_latency: latency.min,
            max_latency: latency.max,
            mean_latency: latency.mean,
            median_latency: median,
            p50_latency: median,
            p95_latency: latency.percentile(0.95),
            p99_latency: latency.percentile(0.99),
            stddev_latency: latency.deviation,
            latency_ci_lower: lower,
            latency_ci_upper: upper,
            throughput: 1000.0 / latency.mean,
            min_tokens: tokens.min as u64,
            max_tokens: tokens.max as u64,
            mean_tokens: tokens.mean,
            median_tokens: tokens.upper_median() as u64,
            stddev_tokens: tokens.deviation,
            min_cost: cost.min,
            max_cost: cost.max,
            mean_cost: cost.mean,
            median_cost: cost.upper_median(),
            stddev_cost: cost.deviation,
            mean_correctness: mean(runs.iter().filter_map(|run| run.correctness)),
            mean_relevance: mean(runs.iter().filter_map(|run| run.relevance)),
            mean_safety: mean(runs.iter().filter_map(|run| run.safety)),
            schema_version: Some(Self::SCHEMA_VERSION),
            date: Some(Utc::now().to_rfc3339()),
            confidence_level: Some(confidence_level),
            warmup: None,
            sample_unit: None,
            counting: None,
            pricing: None,
            environment: Some(Environment::current()),
            samples: Some(BenchmarkSamples {
                latency_ms: latencies,
                tokens: runs.iter().map(|run| run.total_tokens).collect(),
                cost_usd: costs,
            }),
            other: Map::new(),
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no benchmark result, or is of a newer schema version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_json(&file::read(path, "benchmark file")?).map_err(|error| error.in_file(path))
    }

    /// Reads a text, as [`BenchmarkResult::load`] does a file.
    ///
    /// # Errors
    ///
    /// As [`BenchmarkResult::load`].
    pub fn from_json(text: &str) -> Result<Self> {
        let result: Self = file::parse(text, "benchmark JSON")?;
        match result.schema_version {
            Some(newer) if newer > Self::SCHEMA_VERSION => Err(invalid(format!(
                "schema_version is {newer} and {} is the newest that is known here; use a newer version of quipu",
                Self::SCHEMA_VERSION
            ))),
            _ => Ok(result),
        }
    }

    /// Writes a file that is whole at every moment; folders are made.
    ///
    /// # Errors
    ///
    /// The file is there and is not to be replaced, or cannot be written.
    pub fn save_as(&self, path: impl AsRef<Path>, overwrite: Overwrite) -> Result<()> {
        file::write(path.as_ref(), self, overwrite, "benchmark result")
    }

    /// The formulas by which analytics must be converted to compare with this. A file without a schema version is one of
    /// dashflow-streaming and has those of that time.
    #[must_use]
    pub fn conversion(&self) -> Conversion {
        match (self.counting, self.schema_version) {
            (Some(conversion), _) => conversion,
            (None, Some(_)) => Conversion::Default,
            (None, None) => Conversion::Reference,
        }
    }

    /// The latencies of the runs, if the file has them.
    #[must_use]
    pub fn latencies(&self) -> Option<&[f64]> {
        self.samples
            .as_ref()
            .map(|samples| samples.latency_ms.as_slice())
            .filter(|latencies| !latencies.is_empty())
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn invalid(why: String) -> EvalError {
    EvalError::Invalid {
        what: "benchmark",
        path: None,
        why,
    }
}
