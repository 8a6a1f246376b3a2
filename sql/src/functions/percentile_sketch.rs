//! `percentile_sketch(x, p)`: a percentile of very many values in little memory, within one percent.

use std::fmt;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
    scalar_doc_sections::DOC_SECTION_MATH,
};
use sketches_ddsketch::{Config, DDSketch};

use super::literal;

/// How far the answer may be from an exact percentile, relative to it.
const RELATIVE_ERROR: f64 = 0.01;

/// Bins of a sketch: at this error enough for values over seventeen orders of magnitude at once. The smallest
/// values share a bin beyond that.
const BINS_MAX: u32 = 2_048;

/// Smaller values count as zero.
const LEAST: f64 = 1.0e-9;

/// The function.
pub(crate) fn udaf() -> Arc<AggregateUDF> {
    static UDAF: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(PercentileSketch::new())));
    Arc::clone(&UDAF)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PercentileSketch {
    signature: Signature,
}

impl PercentileSketch {
    fn new() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Float64, DataType::Float64], Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for PercentileSketch {
    fn name(&self) -> &str {
        "percentile_sketch"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "sketch");
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("percentile_sketch takes no DISTINCT: each value counts as often as it comes");
        }
        Ok(Box::new(Sketch {
            sketch: DDSketch::new(Config::new(RELATIVE_ERROR, BINS_MAX, LEAST)),
            share: literal::share(&args, 1, "percentile_sketch")?,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            Documentation::builder(
                DOC_SECTION_MATH,
                "A percentile of the values that are neither null nor infinite, at most 1 % away from one of the \
                 values around the exact one (DDSketch), in at most some 16 KiB a group. Null if there are none.",
                "percentile_sketch(x, p)",
            )
            .with_argument("x", "Numbers.")
            .with_argument("p", "The share of values at or below the percentile, a constant from 0 to 1.")
            .with_sql_example("select percentile_sketch(duration_us, 0.99) from events")
            .build()
        });
        Some(&DOCUMENTATION)
    }
}

struct Sketch {
    sketch: DDSketch,
    share: f64,
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sketch")
            .field("values", &self.sketch.count())
            .field("share", &self.share)
            .finish()
    }
}

impl Accumulator for Sketch {
    fn update_batch(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        let Some(values) = arrays.first() else {
            return exec_err!("percentile_sketch takes two arguments, found none");
        };
        let finite = |value: &f64| value.is_finite();
        for value in values
            .as_primitive::<Float64Type>()
            .iter()
            .flatten()
            .filter(finite)
        {
            self.sketch.add(value);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(states) = states.first() else {
            return exec_err!("percentile_sketch has a state of one column, found none");
        };
        for bytes in states.as_binary::<i32>().iter().flatten() {
            let other = DDSketch::from_java_bytes(bytes).map_err(|error| {
                exec_datafusion_err!("percentile_sketch cannot read its own state: {error}")
            })?;
            self.sketch
                .merge(&other)
                .map_err(|error| exec_datafusion_err!("percentile_sketch cannot merge: {error}"))?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.sketch.to_java_bytes()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self
            .sketch
            .quantile(self.share)
            .map_err(|error| exec_datafusion_err!("percentile_sketch: {error}"))?;
        Ok(ScalarValue::Float64(value))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sketch.length() * size_of::<u64>()
    }
}
