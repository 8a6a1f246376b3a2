//! Named values.

use std::collections::BTreeMap;

use quipu_proto::message::metric_value::{MetricType, Value};
use quipu_proto::message::{MetricValue, Metrics};

/// One named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    name: String,
    value: MetricValue,
}

impl Metric {
    /// A measurement, with its unit: `ms`, `bytes`, `ratio`; empty for none.
    #[must_use]
    pub fn gauge(name: impl Into<String>, value: f64, unit: impl Into<String>) -> Self {
        Self::new(name, Value::FloatValue(value), unit, MetricType::Gauge)
    }

    /// A count, with its unit.
    #[must_use]
    pub fn counter(name: impl Into<String>, value: i64, unit: impl Into<String>) -> Self {
        Self::new(name, Value::IntValue(value), unit, MetricType::Counter)
    }

    /// A yes or no.
    #[must_use]
    pub fn flag(name: impl Into<String>, value: bool) -> Self {
        Self::new(name, Value::BoolValue(value), "bool", MetricType::Gauge)
    }

    /// A word.
    #[must_use]
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(name, Value::StringValue(value.into()), "", MetricType::Gauge)
    }

    fn new(name: impl Into<String>, value: Value, unit: impl Into<String>, r#type: MetricType) -> Self {
        Self {
            name: name.into(),
            value: MetricValue {
                unit: unit.into(),
                r#type: r#type.into(),
                value: Some(value),
            },
        }
    }
}

/// A Metrics message. Of several values of one name the last one counts.
pub(crate) fn metrics(
    scope: &str,
    scope_id: &str,
    metrics: impl IntoIterator<Item = Metric>,
    tags: BTreeMap<String, String>,
) -> Metrics {
    Metrics {
        scope: scope.to_owned(),
        scope_id: scope_id.to_owned(),
        metrics: metrics
            .into_iter()
            .map(|metric| (metric.name, metric.value))
            .collect(),
        tags,
        ..Metrics::default()
    }
}
