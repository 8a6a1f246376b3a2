//! What the manifest knows of segments, in DataFusion's words.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use quipu_store::{ColumnRange, Segment, StatValue};

/// A bound as a value of the column's type; none if it is not one.
pub(crate) fn scalar(value: &StatValue, data_type: &DataType) -> Option<ScalarValue> {
    match (value, data_type) {
        (StatValue::Int(value), DataType::Int64) => Some(ScalarValue::Int64(Some(*value))),
        (StatValue::Int(value), DataType::Int32) => {
            i32::try_from(*value).ok().map(|v| ScalarValue::Int32(Some(v)))
        }
        (StatValue::Int(value), DataType::UInt64) => {
            u64::try_from(*value).ok().map(|v| ScalarValue::UInt64(Some(v)))
        }
        (StatValue::Int(value), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
            Some(ScalarValue::TimestampMicrosecond(Some(*value), zone.clone()))
        }
        (StatValue::Text(value), DataType::Utf8View) => Some(ScalarValue::Utf8View(Some(value.to_string()))),
        _ => None,
    }
}

/// Statistics of one segment.
pub(crate) fn of_segment(segment: &Segment, schema: &Schema) -> Statistics {
    of_segments([segment], schema)
}

/// Statistics of several segments together.
pub(crate) fn of_segments<'a>(
    segments: impl IntoIterator<Item = &'a Segment> + Clone,
    schema: &Schema,
) -> Statistics {
    let sum = |number: fn(&Segment) -> u64| {
        let total: u64 = segments.clone().into_iter().map(number).sum();
        usize::try_from(total).map_or(Precision::Absent, Precision::Exact)
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| of_column(segments.clone(), field));
    Statistics {
        num_rows: sum(|segment| segment.rows),
        // Bytes on disk: less than the rows take in memory, but the right order between tables.
        total_byte_size: sum(|segment| segment.bytes).to_inexact(),
        column_statistics: columns.collect(),
    }
}

fn of_column<'a>(segments: impl IntoIterator<Item = &'a Segment>, field: &Arc<Field>) -> ColumnStatistics {
    let mut bounds: Option<Bounds> = None;
    for segment in segments {
        let Some(range) = segment.stats.column(field.name()) else {
            return ColumnStatistics::new_unknown();
        };
        let Some(found) = Bounds::of(range, segment.rows, field.data_type()) else {
            return ColumnStatistics::new_unknown();
        };
        bounds = Some(match bounds {
            None => found,
            Some(before) => before.and(found),
        });
    }
    bounds.map_or_else(ColumnStatistics::new_unknown, Bounds::into_statistics)
}

/// The range of a column over some segments; both ends are none while all values are null.
struct Bounds {
    min: Option<ScalarValue>,
    max: Option<ScalarValue>,
    nulls: u64,
    exact: bool,
}

impl Bounds {
    fn of(range: &ColumnRange, rows: u64, data_type: &DataType) -> Option<Self> {
        let bound = |value: &Option<StatValue>| value.as_ref().and_then(|value| scalar(value, data_type));
        let (min, max) = (bound(&range.min), bound(&range.max));
        let all_null = range.null_count == rows;
        if !all_null && (min.is_none() || max.is_none()) {
            return None;
        }
        Some(Self {
            min,
            max,
            nulls: range.null_count,
            exact: range.exact || all_null,
        })
    }

    fn and(self, other: Self) -> Self {
        let least = |a: ScalarValue, b: ScalarValue| if b < a { b } else { a };
        let most = |a: ScalarValue, b: ScalarValue| if b > a { b } else { a };
        Self {
            min: merge(self.min, other.min, least),
            max: merge(self.max, other.max, most),
            nulls: self.nulls + other.nulls,
            exact: self.exact && other.exact,
        }
    }

    fn into_statistics(self) -> ColumnStatistics {
        let bound = |value: Option<ScalarValue>| match value {
            Some(value) if self.exact => Precision::Exact(value),
            Some(value) => Precision::Inexact(value),
            None => Precision::Absent,
        };
        let mut statistics = ColumnStatistics::new_unknown();
        statistics.null_count = usize::try_from(self.nulls).map_or(Precision::Absent, Precision::Exact);
        statistics.min_value = bound(self.min);
        statistics.max_value = bound(self.max);
        statistics
    }
}

fn merge<T>(a: Option<T>, b: Option<T>, pick: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(pick(a, b)),
        (a, b) => a.or(b),
    }
}
