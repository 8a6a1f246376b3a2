//! Which segments a filter rules out, by what the manifest knows of them. No file is opened for that.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use quipu_store::{Segment, StatValue};

use super::statistics::scalar;

/// Longest list of `IN (..)` that is checked value by value.
const IN_LIST_MAX: usize = 1_000;

/// The segments that may hold rows which pass the filter.
pub(crate) fn keep(
    segments: &[Arc<Segment>],
    filter: &Arc<dyn PhysicalExpr>,
    schema: &SchemaRef,
) -> Result<Vec<Arc<Segment>>> {
    let Some(predicate) = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .with_max_in_list_size(IN_LIST_MAX)
        .build(Arc::clone(filter))
    else {
        return Ok(segments.to_vec());
    };
    let keep = predicate.prune(&SegmentStatistics { segments, schema })?;
    Ok(segments
        .iter()
        .zip(keep)
        .filter(|(_, keep)| *keep)
        .map(|(segment, _)| Arc::clone(segment))
        .collect())
}

/// The manifest's statistics, one container per segment.
struct SegmentStatistics<'a> {
    segments: &'a [Arc<Segment>],
    schema: &'a SchemaRef,
}

impl SegmentStatistics<'_> {
    fn bounds(&self, column: &Column, bound: fn(&Segment, &str) -> Option<StatValue>) -> Option<ArrayRef> {
        let data_type = self.schema.field_with_name(column.name()).ok()?.data_type();
        let null = ScalarValue::try_from(data_type).ok()?;
        let value = |segment: &Arc<Segment>| {
            bound(segment, column.name()).and_then(|value| scalar(&value, data_type))
        };
        let mut known = false;
        let values: Vec<ScalarValue> = self
            .segments
            .iter()
            .map(|segment| {
                let value = value(segment);
                known |= value.is_some();
                value.unwrap_or_else(|| null.clone())
            })
            .collect();
        if !known {
            return None;
        }
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for SegmentStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |segment, name| segment.stats.column(name)?.min.clone())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |segment, name| segment.stats.column(name)?.max.clone())
    }

    fn num_containers(&self) -> usize {
        self.segments.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let counts = self
            .segments
            .iter()
            .map(|segment| Some(segment.stats.column(column.name())?.null_count));
        Some(Arc::new(UInt64Array::from_iter(counts)))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(
            self.segments.iter().map(|segment| segment.rows),
        )))
    }

    /// Asks the filter of thread ids: a segment that holds none of the wanted threads is ruled out, even where its
    /// range of thread ids spans them.
    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        let data_type = self.schema.field_with_name(column.name()).ok()?.data_type();
        if column.name() != "thread_id" || *data_type != DataType::Utf8View {
            return None;
        }
        let wanted: Vec<&str> = values.iter().map(text).collect::<Option<_>>()?;
        let answer = |segment: &Arc<Segment>| {
            let threads = segment.stats.threads.as_ref()?;
            // The filter never says that a segment holds these threads and no others, so it never answers true.
            if wanted.iter().any(|thread| threads.may_contain(thread)) {
                None
            } else {
                Some(false)
            }
        };
        Some(self.segments.iter().map(answer).collect())
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}
