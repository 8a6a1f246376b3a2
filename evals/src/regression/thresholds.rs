//! How much worse is too much.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{EvalError, Result};
use crate::file;
use crate::judge::Limit;
use crate::metrics::EvalMetric;

/// How much worse each metric may become. For shares (qualities and rates) a difference on the scale from 0 to 1, for
/// amounts (latency, tokens, cost, calls) a multiple of the baseline. A value at the threshold passes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct RegressionThresholds {
    /// Greatest drop of correctness.
    pub correctness_threshold: f64,
    /// Greatest drop of relevance.
    pub relevance_threshold: f64,
    /// Greatest drop of safety.
    pub safety_threshold: f64,
    /// Greatest rise of the hallucination rate.
    pub hallucination_threshold: f64,
    /// Greatest multiple of the 95th percentile of the latency.
    pub p95_latency_threshold: f64,
    /// Greatest multiple of the mean latency.
    pub avg_latency_threshold: f64,
    /// Greatest drop of the success rate.
    pub success_rate_threshold: f64,
    /// Greatest rise of the error rate.
    pub error_rate_threshold: f64,
    /// Greatest multiple of the tokens.
    pub token_usage_threshold: f64,
    /// Greatest multiple of the cost.
    pub cost_threshold: f64,
    /// Greatest multiple of the tool calls.
    pub tool_calls_threshold: f64,
}

/// The sets of thresholds that have names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ThresholdMode {
    /// [`RegressionThresholds::default`].
    #[default]
    Default,
    /// [`RegressionThresholds::strict`].
    Strict,
    /// [`RegressionThresholds::lenient`].
    Lenient,
}

impl ThresholdMode {
    /// The names of the modes.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("default", Self::Default),
        ("strict", Self::Strict),
        ("lenient", Self::Lenient),
    ];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Lenient => "lenient",
        }
    }

    /// The thresholds.
    #[must_use]
    pub fn thresholds(self) -> RegressionThresholds {
        match self {
            Self::Default => RegressionThresholds::default(),
            Self::Strict => RegressionThresholds::strict(),
            Self::Lenient => RegressionThresholds::lenient(),
        }
    }
}

impl FromStr for ThresholdMode {
    type Err = EvalError;

    fn from_str(name: &str) -> Result<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, mode)| *mode)
            .ok_or_else(|| {
                EvalError::Usage(format!(
                    "there is no threshold mode '{name}': use default, strict or lenient"
                ))
            })
    }
}

impl Default for RegressionThresholds {
    /// For most gates.
    fn default() -> Self {
        Self::of(Grade {
            quality: 0.05,
            relevance: 0.10,
            latency: 1.2,
            rate: 0.05,
            cost: 1.5,
        })
    }
}

/// The five numbers in which the modes differ.
struct Grade {
    quality: f64,
    relevance: f64,
    latency: f64,
    rate: f64,
    cost: f64,
}

impl RegressionThresholds {
    /// For what is about to be deployed: 2 % for qualities and rates (5 % for relevance), 10 % for latency, 20 % for tokens,
    /// cost and calls.
    #[must_use]
    pub fn strict() -> Self {
        Self::of(Grade {
            quality: 0.02,
            relevance: 0.05,
            latency: 1.1,
            rate: 0.02,
            cost: 1.2,
        })
    }

    /// For experiments: 10 % for qualities and rates (15 % for relevance), 50 % for latency, 100 % for tokens, cost and
    /// calls.
    #[must_use]
    pub fn lenient() -> Self {
        Self::of(Grade {
            quality: 0.10,
            relevance: 0.15,
            latency: 1.5,
            rate: 0.10,
            cost: 2.0,
        })
    }

    fn of(grade: Grade) -> Self {
        Self {
            correctness_threshold: grade.quality,
            relevance_threshold: grade.relevance,
            safety_threshold: grade.quality,
            hallucination_threshold: grade.quality,
            p95_latency_threshold: grade.latency,
            avg_latency_threshold: grade.latency,
            success_rate_threshold: grade.rate,
            error_rate_threshold: grade.rate,
            token_usage_threshold: grade.cost,
            cost_threshold: grade.cost,
            tool_calls_threshold: grade.cost,
        }
    }

    /// The threshold of a metric.
    #[must_use]
    pub fn get(&self, metric: EvalMetric) -> f64 {
        match metric {
            EvalMetric::Correctness => self.correctness_threshold,
            EvalMetric::Relevance => self.relevance_threshold,
            EvalMetric::Safety => self.safety_threshold,
            EvalMetric::HallucinationRate => self.hallucination_threshold,
            EvalMetric::P95Latency => self.p95_latency_threshold,
            EvalMetric::AvgLatency => self.avg_latency_threshold,
            EvalMetric::SuccessRate => self.success_rate_threshold,
            EvalMetric::ErrorRate => self.error_rate_threshold,
            EvalMetric::TotalTokens => self.token_usage_threshold,
            EvalMetric::CostPerRun => self.cost_threshold,
            EvalMetric::ToolCalls => self.tool_calls_threshold,
        }
    }

    /// Changes the threshold of a metric.
    ///
    /// # Errors
    ///
    /// It is not finite, a difference is not from 0 to 1, or a multiple is below 1: what has become better would be worse.
    pub fn set(&mut self, metric: EvalMetric, threshold: f64) -> Result<()> {
        let (fits, range) = if metric.is_amount() {
            (
                threshold.is_finite() && threshold >= 1.0,
                "a multiple from 1, such as 1.2",
            )
        } else {
            (
                (0.0..=1.0).contains(&threshold),
                "a difference from 0 to 1, such as 0.05",
            )
        };
        if !fits {
            return Err(EvalError::Usage(format!(
                "the threshold of {metric} is {threshold}; give {range}"
            )));
        }
        let place = match metric {
            EvalMetric::Correctness => &mut self.correctness_threshold,
            EvalMetric::Relevance => &mut self.relevance_threshold,
            EvalMetric::Safety => &mut self.safety_threshold,
            EvalMetric::HallucinationRate => &mut self.hallucination_threshold,
            EvalMetric::P95Latency => &mut self.p95_latency_threshold,
            EvalMetric::AvgLatency => &mut self.avg_latency_threshold,
            EvalMetric::SuccessRate => &mut self.success_rate_threshold,
            EvalMetric::ErrorRate => &mut self.error_rate_threshold,
            EvalMetric::TotalTokens => &mut self.token_usage_threshold,
            EvalMetric::CostPerRun => &mut self.cost_threshold,
            EvalMetric::ToolCalls => &mut self.tool_calls_threshold,
        };
        *place = threshold;
        Ok(())
    }

    /// Changes thresholds by a JSON object from names to numbers, or texts such as `"1.3x"`. A name is that of a metric (`p95_latency`) or of a field of
    /// this type (`p95_latency_threshold`); metrics that are not named keep their threshold.
    ///
    /// # Errors
    ///
    /// The text is not such an object, a name is unknown, or a threshold cannot be.
    pub fn apply_json(&mut self, text: &str) -> Result<()> {
        let given: serde_json::Map<String, Value> = file::parse(text, "thresholds JSON")?;
        for (name, value) in &given {
            let metric = metric_named(name)?;
            match value {
                Value::String(text) => self.set_text(metric, text)?,
                _ => {
                    let threshold = value.as_f64().ok_or_else(|| EvalError::Invalid {
                        what: "thresholds",
                        path: None,
                        why: format!(
                            "{name} is {value}; give a multiple such as 1.2, or a difference such as 0.05"
                        ),
                    })?;
                    self.set(metric, threshold)?;
                }
            }
        }
        Ok(())
    }

    /// Changes one threshold by a text: `p95_latency=1.3x`, or `p95_latency=1.3`, which says the same; `success_rate=0.02`.
    ///
    /// # Errors
    ///
    /// The text has another form, the name is unknown, or the threshold cannot be.
    pub fn apply_text(&mut self, text: &str) -> Result<()> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(EvalError::Usage(format!(
                "the threshold '{text}' has no value; write METRIC=VALUE, such as p95_latency=1.3"
            )));
        };
        self.set_text(metric_named(name.trim())?, value.trim())
    }

    fn set_text(&mut self, metric: EvalMetric, text: &str) -> Result<()> {
        let refused = |why| EvalError::Usage(format!("the threshold of {metric}: {why}"));
        let known = limit(metric, self.get(metric));
        match (
            Limit::parse_for(text, Some(known)).map_err(|error| refused(error.to_string()))?,
            known,
        ) {
            (Limit::Ratio(threshold), Limit::Ratio(_)) | (Limit::Difference(threshold), _) => {
                self.set(metric, threshold)
            }
            (Limit::Ratio(_), Limit::Difference(_)) => Err(refused(format!(
                "\"{text}\" is a multiple; give a difference from 0 to 1, such as 0.05"
            ))),
        }
    }
}

/// A threshold as the limit that it is.
pub(super) fn limit(metric: EvalMetric, threshold: f64) -> Limit {
    if metric.is_amount() {
        Limit::Ratio(threshold)
    } else {
        Limit::Difference(threshold)
    }
}

/// The metric of a name, or of the field of its threshold.
fn metric_named(name: &str) -> Result<EvalMetric> {
    let short = name.strip_suffix("_threshold").unwrap_or(name);
    let metric = match short {
        // The fields whose names differ from those of the metrics.
        "hallucination" => Some(EvalMetric::HallucinationRate),
        "token_usage" => Some(EvalMetric::TotalTokens),
        "cost" => Some(EvalMetric::CostPerRun),
        _ => EvalMetric::parse(short),
    };
    metric.ok_or_else(|| {
        EvalError::Usage(format!(
            "there is no metric '{name}' to have a threshold: use one of {}",
            EvalMetric::ALL.map(EvalMetric::name).join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_can_be_named_as_it_is_saved() {
        let strict = RegressionThresholds::strict();
        let mut thresholds = RegressionThresholds::lenient();
        thresholds
            .apply_json(&serde_json::to_string(&strict).unwrap())
            .unwrap();
        assert_eq!(thresholds, strict);
    }

    #[test]
    fn single_thresholds_change_and_the_others_stay() {
        let mut thresholds = RegressionThresholds::default();
        thresholds.apply_text("p95_latency = 1.3").unwrap();
        thresholds
            .apply_json(r#"{"safety": 0.01, "avg_latency": "1.4x"}"#)
            .unwrap();
        thresholds.apply_text("avg_latency=1.4").unwrap();
        let expected = RegressionThresholds {
            p95_latency_threshold: 1.3,
            avg_latency_threshold: 1.4,
            safety_threshold: 0.01,
            ..RegressionThresholds::default()
        };
        assert_eq!(thresholds, expected);
    }

    #[test]
    fn what_cannot_be_a_threshold_is_told() {
        let mut thresholds = RegressionThresholds::default();
        for (text, part) in [
            ("latency=1.2", "no metric 'latency'"),
            ("p95_latency", "METRIC=VALUE"),
            ("p95_latency=fast", "\"fast\" is no threshold: use a multiple"),
            ("p95_latency=0.9", "use a multiple from 1"),
            ("p95_latency=0.05x", "use a multiple from 1"),
            ("safety=5", "a difference from 0 to 1"),
            ("safety=1.2x", "a difference from 0 to 1"),
            ("safety=NaN", "a difference from 0"),
            ("total_tokens=inf", "a multiple from 1"),
        ] {
            let error = thresholds.apply_text(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(thresholds.apply_json(r#"{"safety": "low"}"#).is_err());
        assert!(thresholds.apply_json("[]").is_err());
        let error = thresholds.set(EvalMetric::ToolCalls, 0.5).unwrap_err();
        assert!(error.to_string().contains("a multiple from 1"), "{error}");
        assert_eq!(thresholds, RegressionThresholds::default());
    }

    #[test]
    fn a_mode_has_a_known_name() {
        for (name, mode) in ThresholdMode::NAMES {
            assert_eq!(name.parse::<ThresholdMode>().unwrap(), mode);
            assert_eq!(mode.name(), name);
        }
        let error = "nonsense".parse::<ThresholdMode>().unwrap_err().to_string();
        assert!(error.contains("use default, strict or lenient"), "{error}");
    }
}
