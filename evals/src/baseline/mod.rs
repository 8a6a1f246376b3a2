//! Metrics of a good run, kept in a file.

mod pricing;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::Utc;
use quipu_stats::moments::Moments;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use pricing::PricingRecord;

pub use crate::bench::Environment;
use crate::converter::{Conversion, Converted};
use crate::error::{EvalError, Result};
use crate::file::{self, Overwrite};
use crate::metrics::{EvalMetric, EvalMetrics, LlmPricing, MetricGroup, MetricValues};

/// Metrics of a good run, and what they are metrics of.
///
/// The file is JSON with the keys of this type in their order. Readers of dashflow-streaming know the first four and ignore
/// the others; a file that has only those loads here too. Keys that this version does not know are kept, and written again.
///
/// Shares above 1 are in percent and become fractions on loading: see [`Baseline::load`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Baseline {
    /// The application.
    pub app_name: String,
    /// Its version.
    pub version: String,
    /// When the metrics were taken, RFC 3339. Any text is accepted.
    pub date: String,
    /// The metrics.
    pub metrics: EvalMetrics,
    /// Version of the file's form. None in files of dashflow-streaming; [`Baseline::SCHEMA_VERSION`] in new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// By which formulas the metrics were computed from analytics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting: Option<Conversion>,
    /// Which sessions were taken: names of filters, and what they let through.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selection: BTreeMap<String, String>,
    /// Prices by which the cost was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<PricingRecord>,
    /// Where it was measured, without the name of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Metrics that were measured without samples or that `metrics` rounds to whole numbers, as they are. By
    /// [`Conversion::Default`] what stands neither here nor in `samples` was not measured, whatever `metrics` says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub means: BTreeMap<String, f64>,
    /// What one value of a sample is of: [`Baseline::SESSION`] or [`Baseline::RUN`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_unit: Option<String>,
    /// What single sessions or runs gave, by the names of metrics ([`EvalMetric::name`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub samples: BTreeMap<String, Vec<f64>>,
    /// A usual run of each metric, to lay beside a bad one: the id of the run with the value nearest to the metric's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usual_runs: BTreeMap<String, String>,
    /// What metrics are made of: by breakdown (`nodes`, `tools`), the amount of a run by part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, BTreeMap<String, f64>>,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Baseline {
    /// The version of the form that is written.
    pub const SCHEMA_VERSION: u32 = 1;
    /// A session, as analytics list them, in [`Baseline::sample_unit`].
    pub const SESSION: &str = "session";
    /// A run, as a store has them, in [`Baseline::sample_unit`].
    pub const RUN: &str = "run";

    /// Metrics of now.
    #[must_use]
    pub fn new(app_name: String, version: String, metrics: EvalMetrics) -> Self {
        Self {
            app_name,
            version,
            date: Utc::now().to_rfc3339(),
            metrics,
            schema_version: Some(Self::SCHEMA_VERSION),
            counting: None,
            selection: BTreeMap::new(),
            pricing: None,
            environment: None,
            means: BTreeMap::new(),
            sample_unit: None,
            samples: BTreeMap::new(),
            usual_runs: BTreeMap::new(),
            parts: BTreeMap::new(),
            other: Map::new(),
        }
    }

    /// What was computed from analytics, with everything that a later comparison can use.
    #[must_use]
    pub fn of_converted(app_name: String, version: String, converted: &Converted) -> Self {
        Self {
            counting: Some(converted.conversion),
            pricing: Some(PricingRecord::from(converted.pricing)),
            environment: Some(Environment::current()),
            means: means(converted),
            sample_unit: (converted.conversion == Conversion::Default).then(|| Self::SESSION.to_owned()),
            samples: converted.samples.clone(),
            ..Self::new(app_name, version, converted.metrics.clone())
        }
    }

    /// Reads a file.
    ///
    /// A success rate or quality above 1 and up to 100 is taken as percent, since a fraction cannot be there, and divided by
    /// 100; above 100 or below 0 it is refused.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no baseline, is of a newer schema version, or holds a value that cannot be.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_json(&file::read(path, "baseline file")?).map_err(|error| error.in_file(path))
    }

    /// Reads a text, as [`Baseline::load`] does a file.
    ///
    /// # Errors
    ///
    /// As [`Baseline::load`].
    pub fn from_json(text: &str) -> Result<Self> {
        let invalid = |why| EvalError::Invalid {
            what: "baseline",
            path: None,
            why,
        };
        let mut baseline: Self = file::parse(text, "baseline JSON")?;
        if let Some(newer) = baseline
            .schema_version
            .filter(|version| *version > Self::SCHEMA_VERSION)
        {
            return Err(invalid(format!(
                "schema_version is {newer} and {} is the newest that is known here; use a newer version of quipu",
                Self::SCHEMA_VERSION
            )));
        }
        baseline.metrics = baseline.metrics.on_one_scale().map_err(invalid)?;
        baseline.check_means().map_err(invalid)?;
        Ok(baseline)
    }

    /// Writes a file, in place of the one that may be there. It is whole at every moment; folders are made.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_as(path, Overwrite::Yes)
    }

    /// Writes a new file; one that is there stays as it is.
    ///
    /// # Errors
    ///
    /// The file is there already ([`EvalError::Exists`]), or cannot be written.
    pub fn save_new(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_as(path, Overwrite::No)
    }

    /// [`Baseline::save`] or [`Baseline::save_new`].
    ///
    /// # Errors
    ///
    /// As theirs; or a metric has a value that [`Baseline::load`] would refuse.
    pub fn save_as(&self, path: impl AsRef<Path>, overwrite: Overwrite) -> Result<()> {
        let metrics = self.metrics.clone().on_one_scale();
        if let Err(why) = metrics.and_then(|_| self.check_means()) {
            return Err(EvalError::Invalid {
                what: "baseline",
                path: None,
                why,
            });
        }
        file::write(path.as_ref(), self, overwrite, "baseline")
    }

    /// What cannot be among the values that are no metrics of the file: JSON has no number for it.
    fn check_means(&self) -> Result<(), String> {
        let samples = self.samples.iter().map(|(name, sample)| (name, &sample[..]));
        let means = self
            .means
            .iter()
            .map(|(name, mean)| (name, std::slice::from_ref(mean)));
        for (name, values) in samples.chain(means) {
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(format!(
                    "{name} has the value {value}, which is no number; measure again"
                ));
            }
        }
        Ok(())
    }

    /// Where baselines are kept by custom: `baselines/<app>_v<version>.json`.
    #[must_use]
    pub fn path(app_name: &str, version: &str) -> String {
        format!("baselines/{app_name}_v{version}.json")
    }

    /// Whether a file is there.
    #[must_use]
    pub fn exists(path: impl AsRef<Path>) -> bool {
        path.as_ref().exists()
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

    /// The metrics as numbers; tokens and calls as they were before `metrics` rounded them, if the file tells. What was not
    /// measured is none, where `metrics` has to have 0.
    #[must_use]
    pub fn values(&self) -> MetricValues {
        let mut values = self.metrics.values();
        for metric in EvalMetric::ALL {
            let sample = self.samples.get(metric.name());
            let kept = self.means.get(metric.name()).copied();
            if sample.is_some_and(Vec::is_empty)
                || sample.is_none() && kept.is_none() && self.tells_what_it_measured(metric)
            {
                values.set(metric, kept);
            } else if ROUNDED.contains(&metric) {
                let mean = sample
                    .and_then(|sample| Moments::of(sample))
                    .map(|moments| moments.mean());
                if let Some(mean) = mean.or(kept) {
                    values.set(metric, Some(mean));
                }
            }
        }
        values
    }

    /// Whether a metric of which the file has neither sample nor mean was not measured: it was made of analytics and has those
    /// of others. Qualities are given from outside, and absent where they are not known.
    fn tells_what_it_measured(&self, metric: EvalMetric) -> bool {
        self.counting == Some(Conversion::Default)
            && metric.group() != MetricGroup::Quality
            && !(self.samples.is_empty() && self.means.is_empty())
    }

    /// Whether the cost was computed by other prices than these; false where the file does not tell.
    #[must_use]
    pub fn has_other_prices(&self, pricing: LlmPricing) -> bool {
        self.pricing
            .as_ref()
            .is_some_and(|record| *record != PricingRecord::from(pricing))
    }
}

/// Metrics that a file has as whole numbers.
const ROUNDED: [EvalMetric; 2] = [EvalMetric::TotalTokens, EvalMetric::ToolCalls];

fn means(converted: &Converted) -> BTreeMap<String, f64> {
    let has_sample = |metric: EvalMetric| {
        let sample = converted.samples.get(metric.name());
        sample.is_some_and(|sample| !sample.is_empty())
    };
    let is_kept = |metric: &EvalMetric| {
        ROUNDED.contains(metric) || metric.group() != MetricGroup::Quality && !has_sample(*metric)
    };
    let mean = |metric: EvalMetric| Some((metric.name().to_owned(), converted.values.get(metric)?));
    match converted.conversion {
        Conversion::Default => EvalMetric::ALL
            .into_iter()
            .filter(is_kept)
            .filter_map(mean)
            .collect(),
        // Sums are whole.
        Conversion::Reference => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"app_name": "demo", "version": "1.0.0", "date": "some day", "metrics": {"p95_latency": 2.0,
        "avg_latency": 1.0, "success_rate": 100.0, "error_rate": 0.5, "total_tokens": 7, "cost_per_run": 0.25,
        "tool_calls": 3}, "owner": {"team": "search"}}"#;

    #[test]
    fn an_old_file_loads_and_is_known_as_one() {
        let baseline = Baseline::from_json(OLD).unwrap();
        assert_eq!(baseline.schema_version, None);
        assert_eq!(baseline.conversion(), Conversion::Reference);
        assert_eq!(baseline.metrics.success_rate, 1.0);
        assert_eq!(baseline.metrics.correctness, None);
    }

    #[test]
    fn what_a_file_says_comes_back_also_what_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/one.json");
        let mut baseline = Baseline::from_json(OLD).unwrap();
        baseline.samples.insert("p95_latency".into(), vec![1.0, 0.1]);
        baseline.pricing = Some(LlmPricing::GPT_4O.into());
        baseline.environment = Some(Environment::current());
        baseline.selection.insert("tenant".into(), "acme".into());
        baseline.save_new(&path).unwrap();
        let read = Baseline::load(&path).unwrap();
        assert_eq!(
            serde_json::to_value(&read).unwrap(),
            serde_json::to_value(&baseline).unwrap()
        );
        assert_eq!(read.other["owner"]["team"], "search");
        assert!(matches!(baseline.save_new(&path), Err(EvalError::Exists { .. })));
        baseline.save(&path).unwrap();
    }

    #[test]
    fn the_first_keys_are_those_of_the_old_form() {
        let baseline = Baseline::new("a".into(), "1".into(), EvalMetrics::default());
        let text = file::to_json(&baseline);
        let places: Vec<usize> = [
            "app_name",
            "version",
            "date",
            "metrics",
            "correctness",
            "hallucination_rate",
            "p95_latency",
            "tool_calls",
            "schema_version",
        ]
        .iter()
        .map(|key| text.find(&format!("\"{key}\":")).unwrap())
        .collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn a_newer_file_and_a_bad_value_are_refused() {
        let newer = OLD.replacen('{', r#"{"schema_version": 2, "#, 1);
        let error = Baseline::from_json(&newer).unwrap_err().to_string();
        assert!(error.contains("use a newer version"), "{error}");
        let error = Baseline::from_json(&OLD.replace("100.0", "250.0"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("success_rate is 250"), "{error}");
        let missing = Baseline::load("no/such.json").unwrap_err().to_string();
        assert!(
            missing.starts_with("failed to read baseline file no/such.json: "),
            "{missing}"
        );
    }

    #[test]
    fn tokens_are_compared_as_the_mean_that_they_are() {
        let mut baseline = Baseline::new("a".into(), "1".into(), EvalMetrics::default());
        baseline.means.insert("tool_calls".into(), 1.25);
        assert_eq!(baseline.values().get(EvalMetric::ToolCalls), Some(1.25));
        baseline.samples.insert("tool_calls".into(), vec![1.0, 2.0]);
        assert_eq!(baseline.values().get(EvalMetric::ToolCalls), Some(1.5));
        assert_eq!(baseline.values().get(EvalMetric::TotalTokens), Some(0.0));
    }

    #[test]
    fn what_was_not_measured_is_not_0() {
        let mut baseline = Baseline::new("a".into(), "1".into(), EvalMetrics::default());
        baseline.samples.insert("p95_latency".into(), Vec::new());
        assert_eq!(baseline.values().get(EvalMetric::P95Latency), None);
        // A file of which it is not known how it came about keeps what it says.
        assert_eq!(baseline.values().get(EvalMetric::CostPerRun), Some(0.0));
        baseline.counting = Some(Conversion::Default);
        baseline.means.insert("tool_calls".into(), 1.5);
        assert_eq!(baseline.values().get(EvalMetric::CostPerRun), None);
        assert_eq!(baseline.values().get(EvalMetric::ToolCalls), Some(1.5));
        baseline.means.insert("cost_per_run".into(), 0.0);
        assert_eq!(baseline.values().get(EvalMetric::CostPerRun), Some(0.0));
    }

    #[test]
    fn a_file_that_would_not_load_is_not_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.json");
        let mut baseline = Baseline::new("a".into(), "1".into(), EvalMetrics::default());
        for latency in [-1.0, f64::NAN] {
            baseline.metrics.avg_latency = latency;
            let error = baseline.save(&path).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("baseline: avg_latency is {latency}")),
                "{error}"
            );
        }
        baseline.metrics.avg_latency = 1.0;
        baseline
            .samples
            .insert("avg_latency".into(), vec![1.0, f64::INFINITY]);
        let error = baseline.save(&path).unwrap_err().to_string();
        assert!(error.contains("avg_latency has the value inf"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_path_is_made_of_name_and_version() {
        assert_eq!(Baseline::path("app", "1.0.0"), "baselines/app_v1.0.0.json");
    }
}
