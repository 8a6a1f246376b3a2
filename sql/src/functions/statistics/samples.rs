//! Samples as states of accumulators.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::StateFieldsArgs;
use datafusion::logical_expr::utils::format_state_name;

/// The values of one sample.
#[derive(Debug, Default)]
pub(super) struct Sample(pub(super) Vec<f64>);

fn item() -> Field {
    Field::new_list_field(DataType::Float64, true)
}

/// A column of a state that holds a sample.
pub(super) fn state_field(args: &StateFieldsArgs<'_>, name: &str) -> FieldRef {
    Arc::new(Field::new_list(format_state_name(args.name, name), item(), true))
}

impl Sample {
    /// Takes in what is not null.
    pub(super) fn extend(&mut self, values: &dyn Array) {
        let values = values.as_primitive::<Float64Type>();
        if values.null_count() == 0 {
            self.0.extend_from_slice(values.values());
        } else {
            self.0.extend(values.iter().flatten());
        }
    }

    /// Takes in what [`Sample::state`] gave elsewhere.
    pub(super) fn merge(&mut self, states: &[ArrayRef], at: usize) -> Result<()> {
        let Some(lists) = states.get(at) else {
            return exec_err!(
                "the state of a statistic has {} columns, expected {}",
                states.len(),
                at + 1
            );
        };
        for list in lists.as_list::<i32>().iter().flatten() {
            self.extend(&list);
        }
        Ok(())
    }

    pub(super) fn state(&mut self) -> Result<ScalarValue> {
        let values = Float64Array::from(std::mem::take(&mut self.0));
        let offsets = OffsetBuffer::from_lengths([values.len()]);
        let list = ListArray::try_new(Arc::new(item()), offsets, Arc::new(values), None)?;
        Ok(ScalarValue::List(Arc::new(list)))
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_unstable_by(f64::total_cmp);
    }

    pub(super) fn size(&self) -> usize {
        self.0.capacity() * size_of::<f64>()
    }
}
