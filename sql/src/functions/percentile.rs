//! `percentile(x, p [, method])`: an exact percentile, by a named rule.

use std::fmt;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, TypeSignature, Volatility,
    scalar_doc_sections::DOC_SECTION_MATH,
};
use quipu_stats::percentile::Method;

use super::literal;

/// The function.
pub(crate) fn udaf() -> Arc<AggregateUDF> {
    static UDAF: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(Percentile::new())));
    Arc::clone(&UDAF)
}

fn method(name: &str) -> Result<Method> {
    match Method::parse(name) {
        Some(method) => Ok(method),
        None => plan_err!("percentile has no method '{name}': use 'linear', 'nearest' or 'rounded'"),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    signature: Signature,
}

impl Percentile {
    fn new() -> Self {
        let (float, text) = (DataType::Float64, DataType::Utf8);
        Self {
            signature: Signature::one_of(
                vec![
                    TypeSignature::Exact(vec![float.clone(), float.clone()]),
                    TypeSignature::Exact(vec![float.clone(), float, text]),
                ],
                Volatility::Immutable,
            ),
        }
    }
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        "percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "values");
        Ok(vec![Arc::new(Field::new_list(name, item(), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("percentile takes no DISTINCT: each value counts as often as it comes");
        }
        let share = literal::share(&args, 1, "percentile")?;
        let method = match literal::text(&args, 2, "percentile", "method")? {
            Some(name) => method(&name)?,
            None => Method::default(),
        };
        Ok(Box::new(Values {
            values: Vec::new(),
            share,
            method,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_MATH,
                "The exact percentile of the values that are not null; null if there are none. Keeps all values in \
                 memory: see percentile_sketch for very many.",
                "percentile(x, p [, method])",
            )
            .with_argument("x", "Numbers.")
            .with_argument("p", "The share of values at or below the percentile, a constant from 0 to 1.")
            .with_argument(
                "method",
                "What to give between two values: 'linear' (the default) interpolates, 'nearest' takes the value of \
                 rank ceil(n p), 'rounded' the one of index round(p (n - 1)).",
            )
            .with_sql_example("select percentile(duration_us, 0.95, 'nearest') from events")
            .build()
        });
        Some(&DOCUMENTATION)
    }
}

fn item() -> Field {
    Field::new_list_field(DataType::Float64, true)
}

/// All values of a group.
struct Values {
    values: Vec<f64>,
    share: f64,
    method: Method,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("values", &self.values.len())
            .field("share", &self.share)
            .field("method", &self.method)
            .finish()
    }
}

impl Values {
    fn extend(&mut self, values: &dyn Array) {
        let values = values.as_primitive::<Float64Type>();
        if values.null_count() == 0 {
            self.values.extend_from_slice(values.values());
        } else {
            self.values.extend(values.iter().flatten());
        }
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        match arrays.first() {
            Some(values) => {
                self.extend(values);
                Ok(())
            }
            None => exec_err!("percentile takes two arguments, found none"),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else {
            return exec_err!("percentile has a state of one column, found none");
        };
        for list in lists.as_list::<i32>().iter().flatten() {
            self.extend(&list);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = Float64Array::from(std::mem::take(&mut self.values));
        let offsets = OffsetBuffer::from_lengths([values.len()]);
        let list = ListArray::try_new(Arc::new(item()), offsets, Arc::new(values), None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.method.of(&mut self.values, self.share)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<f64>()
    }
}
