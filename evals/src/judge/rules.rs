//! By which rules a gate judges.

use std::collections::BTreeMap;

use super::bound::{Bound, Limit, LimitError};
use super::metric::Metric;
use crate::RegressionThresholds;
use crate::output::Severity;

/// By which rules a gate judges.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Confidence level of intervals; a difference is significant when its adjusted p-value is at most one minus this.
    pub level: f64,
    /// The least change that counts, as a share of the baseline; of fractions and scores on their own scale. A fixed
    /// threshold below it takes its place.
    pub effect_min: f64,
    /// Fewer samples than this on a side prove nothing.
    pub samples_min: usize,
    /// Where resampling begins: the same samples give the same verdict again.
    pub seed: u64,
    /// Fixed thresholds by metric.
    pub bounds: BTreeMap<String, Bound>,
}

/// What holds for a metric without a threshold of its own.
const OTHERS: (Limit, Limit) = (Limit::Difference(0.05), Limit::Ratio(1.2));

impl Rules {
    /// The rules with these fixed thresholds and everything else as usual: level 95 %, least effect 5 %, five samples.
    #[must_use]
    pub fn new(thresholds: &RegressionThresholds) -> Self {
        Self {
            level: 0.95,
            effect_min: 0.05,
            samples_min: 5,
            seed: 0,
            bounds: bounds(thresholds),
        }
    }

    /// The fixed threshold of a metric: that of its name, else its own, else that of its unit.
    #[must_use]
    pub fn bound(&self, metric: &Metric) -> Bound {
        let (of_fractions, of_others) = OTHERS;
        let of_unit = || Bound {
            limit: if metric.unit.is_fraction() {
                of_fractions
            } else {
                of_others
            },
            severity: Severity::Warning,
        };
        let named = self.bounds.get(&metric.name).copied();
        named.or(metric.bound).unwrap_or_else(of_unit)
    }

    /// Puts another limit in the place of a metric's; how bad it is to be beyond stays. A bare number from 1 in the place of a
    /// multiple is a multiple: see [`Limit::parse_for`].
    pub fn set_limit(&mut self, metric: &str, limit: Limit) {
        let severity = Severity::Warning;
        let limit = match (limit, self.bounds.get(metric).map(|bound| bound.limit)) {
            (Limit::Difference(multiple), Some(Limit::Ratio(_))) if multiple >= 1.0 => Limit::Ratio(multiple),
            (limit, _) => limit,
        };
        self.bounds
            .entry(metric.to_owned())
            .and_modify(|bound| bound.limit = limit)
            .or_insert(Bound { limit, severity });
    }

    /// Changes the limit of a metric by a text: `p95_latency=1.3x`, `success_rate=0.02`.
    ///
    /// # Errors
    ///
    /// The text has another form, or the limit cannot be.
    pub fn apply_text(&mut self, text: &str) -> Result<(), LimitError> {
        let (metric, limit) = text.split_once('=').ok_or_else(|| LimitError::new(text))?;
        let metric = metric.trim();
        let known = self.bounds.get(metric).map(|bound| bound.limit);
        self.set_limit(metric, Limit::parse_for(limit, known)?);
        Ok(())
    }

    /// Whether a p-value is significant: at most one minus the level, so that an interval which excludes 0 goes with it.
    #[must_use]
    pub fn is_significant(&self, p_value: f64) -> bool {
        // 1 - 0.9 is a little less than 0.1.
        p_value <= 1.0 - self.level + 1e-12
    }

    /// The least worsening of a metric that counts, on its own scale.
    #[must_use]
    pub fn effect_min(&self, metric: &Metric, baseline: f64) -> f64 {
        let least = if metric.unit.is_fraction() {
            self.effect_min
        } else {
            self.effect_min * baseline.abs()
        };
        // A multiple below 1 would make an improvement count as a worsening.
        least.min(self.bound(metric).limit.allowed(baseline)).max(0.0)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(&RegressionThresholds::default())
    }
}

/// The thresholds of the README's tables. Worse quality is critical, the rest is a warning.
fn bounds(of: &RegressionThresholds) -> BTreeMap<String, Bound> {
    use Limit::{Difference, Ratio};
    use Severity::{Critical, Warning};
    [
        ("correctness", Difference(of.correctness_threshold), Critical),
        ("relevance", Difference(of.relevance_threshold), Critical),
        ("safety", Difference(of.safety_threshold), Critical),
        (
            "hallucination_rate",
            Difference(of.hallucination_threshold),
            Critical,
        ),
        ("p95_latency", Ratio(of.p95_latency_threshold), Warning),
        ("avg_latency", Ratio(of.avg_latency_threshold), Warning),
        ("success_rate", Difference(of.success_rate_threshold), Warning),
        ("error_rate", Difference(of.error_rate_threshold), Warning),
        ("total_tokens", Ratio(of.token_usage_threshold), Warning),
        ("cost_per_run", Ratio(of.cost_threshold), Warning),
        ("tool_calls", Ratio(of.tool_calls_threshold), Warning),
    ]
    .into_iter()
    .map(|(name, limit, severity)| (name.to_owned(), Bound { limit, severity }))
    .collect()
}
