//! The numbers by which an application is judged.

mod metric;
mod pricing;
mod values;

use serde::{Deserialize, Serialize};

pub(crate) use metric::Unit;
pub use metric::{EvalMetric, MetricGroup};
pub use pricing::LlmPricing;
pub use values::MetricValues;

/// The metrics of an application, in the form that baselines keep. Rates and qualities are fractions: 0 to 1.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EvalMetrics {
    /// How much of the output was correct.
    #[serde(default)]
    pub correctness: Option<f64>,
    /// How relevant retrieved documents were.
    #[serde(default)]
    pub relevance: Option<f64>,
    /// How free of harmful content the output was.
    #[serde(default)]
    pub safety: Option<f64>,
    /// Share of facts that were made up; the only quality where less is better.
    #[serde(default)]
    pub hallucination_rate: Option<f64>,
    /// 95th percentile of the latency, milliseconds.
    pub p95_latency: f64,
    /// Mean latency, milliseconds.
    pub avg_latency: f64,
    /// Share of sessions that succeeded.
    pub success_rate: f64,
    /// Share of sessions in which something went wrong. In files of dashflow-streaming: errors by events, which may be above 1.
    pub error_rate: f64,
    /// Tokens, of prompts and answers.
    pub total_tokens: u64,
    /// Cost in USD.
    pub cost_per_run: f64,
    /// Calls of tools.
    pub tool_calls: u64,
}

impl Default for EvalMetrics {
    /// Nothing happened and nothing failed: a success rate of 1, all else 0 or unknown.
    fn default() -> Self {
        Self {
            correctness: None,
            relevance: None,
            safety: None,
            hallucination_rate: None,
            p95_latency: 0.0,
            avg_latency: 0.0,
            success_rate: 1.0,
            error_rate: 0.0,
            total_tokens: 0,
            cost_per_run: 0.0,
            tool_calls: 0,
        }
    }
}

impl EvalMetrics {
    /// As [`EvalMetrics::default`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether each quality that is known reaches `threshold`; true when none is. A known hallucination rate must not be
    /// above `1 - threshold`: at 0.8 the old library, which took the same bound for both, let 80 % of facts be made up. A value
    /// at its bound passes, whatever rounding makes of the bound.
    #[must_use]
    pub fn quality_passes(&self, threshold: f64) -> bool {
        [self.correctness, self.relevance, self.safety]
            .into_iter()
            .flatten()
            .all(|quality| quality >= threshold - ROUNDING)
            && self
                .hallucination_rate
                .is_none_or(|rate| rate <= 1.0 - threshold + ROUNDING)
    }

    /// Whether success rate, error rate and 95th percentile of the latency (milliseconds) are within bounds, which are
    /// themselves allowed.
    #[must_use]
    pub fn performance_passes(
        &self,
        success_rate_min: f64,
        error_rate_max: f64,
        p95_latency_max: f64,
    ) -> bool {
        self.success_rate >= success_rate_min
            && self.error_rate <= error_rate_max
            && self.p95_latency <= p95_latency_max
    }

    /// Whether tokens and cost (USD) are within bounds, which are themselves allowed.
    #[must_use]
    pub fn cost_passes(&self, total_tokens_max: u64, cost_max: f64) -> bool {
        self.total_tokens <= total_tokens_max && self.cost_per_run <= cost_max
    }

    /// The metrics by name, as numbers.
    #[must_use]
    pub fn values(&self) -> MetricValues {
        MetricValues::from(self)
    }

    /// The metrics with every share on one scale: see [`as_fractions`]. The qualities are one document; the success rate is one
    /// of its own, since dashflow-streaming's fixtures have it in percent beside qualities that are fractions. A negative
    /// amount is refused. The error rate of old files is errors by events, which may be above 1, and is left as it is.
    ///
    /// # Errors
    ///
    /// Says which value cannot be.
    pub(crate) fn on_one_scale(mut self) -> Result<Self, String> {
        as_fractions(&mut [("success_rate", Some(&mut self.success_rate))])?;
        as_fractions(&mut [
            ("correctness", self.correctness.as_mut()),
            ("relevance", self.relevance.as_mut()),
            ("safety", self.safety.as_mut()),
            ("hallucination_rate", self.hallucination_rate.as_mut()),
        ])?;
        for (name, amount) in [
            ("p95_latency", self.p95_latency),
            ("avg_latency", self.avg_latency),
            ("error_rate", self.error_rate),
            ("cost_per_run", self.cost_per_run),
        ] {
            if !(amount >= 0.0 && amount.is_finite()) {
                return Err(format!(
                    "{name} is {amount}; a number from 0 is needed, so measure again"
                ));
            }
        }
        Ok(self)
    }
}

/// What rounding may move a share by.
pub(crate) const ROUNDING: f64 = 1e-9;

/// From where on a share is taken for percent. What lies between 1 and this is more likely a fraction that cannot be.
const PERCENT_MIN: f64 = 1.5;

/// Turns the shares of one document into fractions. They are fractions, or all of them are in percent: one from
/// [`PERCENT_MIN`] to 100 can be nothing else.
///
/// # Errors
///
/// A share is on neither scale, or they are on both: whether 0.8 beside 95 are 80 % or 0.8 % nobody can tell.
pub(crate) fn as_fractions(shares: &mut [(&str, Option<&mut f64>)]) -> Result<(), String> {
    let mut fraction = None;
    let mut percent = None;
    for (name, share) in shares.iter() {
        let Some(share) = share.as_deref().copied() else {
            continue;
        };
        if !(0.0..=100.0).contains(&share) || share > 1.0 && share < PERCENT_MIN {
            return Err(format!(
                "{name} is {share}; give a fraction from 0 to 1, or percent up to 100"
            ));
        }
        if share > 1.0 {
            percent = Some((*name, share));
        } else if share > 0.0 {
            fraction = Some((*name, share));
        }
    }
    match (percent, fraction) {
        (Some((one, large)), Some((other, small))) => Err(format!(
            "{one} is {large}, which is percent, and {other} is {small}, which may be a fraction or percent; give all as \
             fractions from 0 to 1"
        )),
        (Some(_), None) => {
            for share in shares.iter_mut().filter_map(|(_, share)| share.as_deref_mut()) {
                *share /= 100.0;
            }
            Ok(())
        }
        (None, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hallucination_rate_has_a_bound_of_its_own() {
        let metrics = |rate| EvalMetrics {
            correctness: Some(0.9),
            hallucination_rate: Some(rate),
            ..EvalMetrics::default()
        };
        assert!(metrics(0.125).quality_passes(0.8));
        assert!(!metrics(0.75).quality_passes(0.8));
        assert!(!metrics(0.0).quality_passes(0.95));
        assert!(
            metrics(0.1).quality_passes(0.9),
            "1 - 0.9 is a little less than 0.1"
        );
        assert!(EvalMetrics::new().quality_passes(1.0));
    }

    #[test]
    fn bounds_are_allowed_themselves() {
        let metrics = EvalMetrics {
            p95_latency: 100.0,
            success_rate: 0.9,
            error_rate: 0.1,
            total_tokens: 10,
            cost_per_run: 0.5,
            ..EvalMetrics::default()
        };
        assert!(metrics.performance_passes(0.9, 0.1, 100.0));
        assert!(!metrics.performance_passes(0.91, 0.1, 100.0));
        assert!(!metrics.performance_passes(0.9, 0.09, 100.0));
        assert!(!metrics.performance_passes(0.9, 0.1, 99.0));
        assert!(metrics.cost_passes(10, 0.5));
        assert!(!metrics.cost_passes(9, 0.5));
        assert!(!metrics.cost_passes(10, 0.4));
    }

    #[test]
    fn percent_becomes_a_fraction_and_nonsense_is_refused() {
        let scaled = |success_rate| {
            EvalMetrics {
                success_rate,
                ..EvalMetrics::default()
            }
            .on_one_scale()
            .map(|metrics| metrics.success_rate)
        };
        assert_eq!(scaled(100.0), Ok(1.0));
        assert_eq!(scaled(1.0), Ok(1.0));
        assert_eq!(scaled(0.5), Ok(0.5));
        assert_eq!(scaled(1.5), Ok(0.015));
        for nonsense in [-0.1, 1.3, 100.5, f64::NAN] {
            assert!(
                scaled(nonsense).unwrap_err().starts_with("success_rate is "),
                "{nonsense}"
            );
        }
        let negative = EvalMetrics {
            p95_latency: -1.0,
            ..EvalMetrics::default()
        };
        assert!(
            negative
                .on_one_scale()
                .unwrap_err()
                .starts_with("p95_latency is -1")
        );
    }

    #[test]
    fn all_qualities_are_on_one_scale_or_refused() {
        let scaled = |correctness, hallucination_rate| {
            EvalMetrics {
                correctness: Some(correctness),
                hallucination_rate: Some(hallucination_rate),
                ..EvalMetrics::default()
            }
            .on_one_scale()
            .map(|metrics| (metrics.correctness, metrics.hallucination_rate))
        };
        assert_eq!(scaled(95.0, 2.0), Ok((Some(0.95), Some(0.02))));
        assert_eq!(scaled(95.0, 0.0), Ok((Some(0.95), Some(0.0))));
        assert_eq!(scaled(0.95, 0.8), Ok((Some(0.95), Some(0.8))));
        let error = scaled(95.0, 0.8).unwrap_err();
        assert!(error.contains("hallucination_rate is 0.8"), "{error}");
    }

    #[test]
    fn qualities_may_be_absent_and_nothing_else() {
        let text = r#"{"p95_latency":1,"avg_latency":1,"success_rate":1,"error_rate":0,"total_tokens":1,
            "cost_per_run":0,"tool_calls":1,"extra":true}"#;
        let metrics: EvalMetrics = serde_json::from_str(text).unwrap();
        assert_eq!(metrics.correctness, None);
        assert!(serde_json::from_str::<EvalMetrics>(&text.replace("tool_calls", "calls")).is_err());
    }
}
