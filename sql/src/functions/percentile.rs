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

use super::literal;

/// The function.
pub(crate) fn udaf() -> Arc<AggregateUDF> {
    static UDAF: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(Percentile::new())));
    Arc::clone(&UDAF)
}

/// Which value stands at a share of the ordered values. All rules agree where the share falls on a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    /// Between the two neighbours, by distance (type 7 of Hyndman and Fan, as in spreadsheets and NumPy).
    #[default]
    Linear,
    /// The least value at or above the share: rank `ceil(n p)`.
    Nearest,
    /// The value whose place is nearest: index `round(p (n - 1))`, halves upwards.
    Rounded,
}

impl Method {
    const NAMES: [(&'static str, Self); 3] = [
        ("linear", Self::Linear),
        ("nearest", Self::Nearest),
        ("rounded", Self::Rounded),
    ];

    fn parse(name: &str) -> Result<Self> {
        match Self::NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, method)) => Ok(*method),
            None => plan_err!("percentile has no method '{name}': use 'linear', 'nearest' or 'rounded'"),
        }
    }

    /// The percentile of values in any order, which it reorders; none if there are none. `share` is from 0 to 1. NaN
    /// counts as greater than every number.
    pub(crate) fn of(self, values: &mut [f64], share: f64) -> Option<f64> {
        let last = values.len().checked_sub(1)?;
        let place = share * last as f64;
        let index = match self {
            Self::Linear => place.floor(),
            Self::Nearest => rank(share, values.len()) - 1.0,
            Self::Rounded => place.round(),
        };
        // A negative index, of the share 0, saturates to 0.
        let index = (index as usize).min(last);
        let (_, &mut at, above) = values.select_nth_unstable_by(index, f64::total_cmp);
        if self != Self::Linear {
            return Some(at);
        }
        let part = place - place.floor();
        match above.iter().copied().min_by(f64::total_cmp) {
            Some(next) if part > 0.0 && next != at => Some(at + (next - at) * part),
            _ => Some(at),
        }
    }
}

/// The least whole number that is not below `share * count`. What a product is off a whole number by rounding does not make
/// it the next one: 0.07 of 100 is 7.
fn rank(share: f64, count: usize) -> f64 {
    let exact = share * count as f64;
    let whole = exact.round();
    if (exact - whole).abs() <= 4.0 * f64::EPSILON * exact.max(1.0) {
        whole
    } else {
        exact.ceil()
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
            Some(name) => Method::parse(&name)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: Method, values: &[f64], share: f64) -> Option<f64> {
        method.of(&mut values.to_vec(), share)
    }

    #[test]
    fn the_three_rules_differ_between_two_values() {
        let values = [40.0, 10.0, 30.0, 20.0];
        assert_eq!(of(Method::Linear, &values, 0.5), Some(25.0));
        assert_eq!(of(Method::Nearest, &values, 0.5), Some(20.0));
        assert_eq!(of(Method::Rounded, &values, 0.5), Some(30.0));
        assert_eq!(
            of(Method::Linear, &values, 0.95),
            Some(30.0 + 10.0 * (0.95 * 3.0 - 2.0))
        );
    }

    #[test]
    fn the_least_and_the_greatest_are_the_same_for_all_rules() {
        for method in [Method::Linear, Method::Nearest, Method::Rounded] {
            assert_eq!(of(method, &[3.0, 1.0, 2.0], 0.0), Some(1.0), "{method:?}");
            assert_eq!(of(method, &[3.0, 1.0, 2.0], 1.0), Some(3.0), "{method:?}");
            assert_eq!(of(method, &[7.0], 0.3), Some(7.0), "{method:?}");
            assert_eq!(of(method, &[], 0.5), None, "{method:?}");
        }
    }

    #[test]
    fn nearest_rank_of_twenty_and_of_a_hundred() {
        let numbers = |n: u32| (1..=n).map(f64::from).collect::<Vec<_>>();
        assert_eq!(of(Method::Nearest, &numbers(20), 0.95), Some(19.0));
        assert_eq!(of(Method::Nearest, &numbers(100), 0.99), Some(99.0));
        assert_eq!(of(Method::Rounded, &numbers(51), 0.99), Some(51.0));
    }

    #[test]
    fn a_product_that_is_off_by_rounding_is_no_further_rank() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        for percent in 1..=100 {
            let found = of(Method::Nearest, &hundred, f64::from(percent) / 100.0);
            assert_eq!(found, Some(f64::from(percent)));
        }
        assert_eq!(of(Method::Nearest, &hundred, 0.0700001), Some(8.0));
    }

    #[test]
    fn infinite_values_do_not_become_nan() {
        let endless = f64::INFINITY;
        assert_eq!(of(Method::Linear, &[endless, endless, 1.0], 0.9), Some(endless));
        assert_eq!(of(Method::Linear, &[-endless, endless], 0.0), Some(-endless));
    }
}
