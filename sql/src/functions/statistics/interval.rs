//! `mean_interval(x [, level])` and `rate_interval(x [, level])`: an estimate with its confidence interval.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, TypeSignature, Volatility,
    scalar_doc_sections::DOC_SECTION_MATH,
};
use quipu_stats::interval::{Interval, mean_interval, proportion_interval};

use super::super::literal;
use super::samples::{Sample, state_field};
use super::{numbers, row};

const FIELDS: [&str; 3] = ["estimate", "lower", "upper"];

pub(super) fn udafs() -> Vec<Arc<AggregateUDF>> {
    [Kind::Mean, Kind::Rate]
        .map(|kind| Arc::new(AggregateUDF::from(Estimate::new(kind))))
        .to_vec()
}

/// What is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Mean,
    Rate,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean_interval",
            Self::Rate => "rate_interval",
        }
    }

    fn of(self, values: &[f64], level: f64) -> Result<Option<Interval>> {
        match self {
            Self::Mean => Ok(mean_interval(values, level)),
            Self::Rate => {
                if let Some(other) = values.iter().find(|value| **value != 0.0 && **value != 1.0) {
                    return exec_err!(
                        "rate_interval takes values of 0 and 1, found {other}: compare it, or use mean_interval"
                    );
                }
                let successes = values.iter().filter(|value| **value == 1.0).count();
                Ok(proportion_interval(successes as u64, values.len() as u64, level))
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Estimate {
    kind: Kind,
    signature: Signature,
    documentation: Documentation,
}

impl Estimate {
    fn new(kind: Kind) -> Self {
        let float = DataType::Float64;
        let (about, example, x) = match kind {
            Kind::Mean => (
                "The mean of the values that are not null, with its confidence interval by Student's t: a struct of \
                 estimate, lower and upper. Null fields for fewer than two values.",
                "select mean_interval(duration_us / 1e3)['upper'] from runs",
                "Numbers.",
            ),
            Kind::Rate => (
                "The share of ones, with its confidence interval by the score method of Wilson: a struct of estimate, \
                 lower and upper. Null fields without values.",
                "select rate_interval(case when status = 'completed' then 1 else 0 end) from runs",
                "Numbers 0 and 1.",
            ),
        };
        Self {
            kind,
            signature: Signature::one_of(
                vec![
                    TypeSignature::Exact(vec![float.clone()]),
                    TypeSignature::Exact(vec![float.clone(), float]),
                ],
                Volatility::Immutable,
            ),
            documentation: Documentation::builder(
                DOC_SECTION_MATH,
                about,
                format!("{}(x [, level])", kind.name()),
            )
            .with_argument("x", x)
            .with_argument(
                "level",
                "The confidence level, a constant between 0 and 1. Default: 0.95.",
            )
            .with_sql_example(example)
            .build(),
        }
    }
}

impl AggregateUDFImpl for Estimate {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(numbers(&FIELDS)))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![state_field(&args, "values")])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!(
                "{} takes no DISTINCT: each value counts as often as it comes",
                self.kind.name()
            );
        }
        Ok(Box::new(Values {
            sample: Sample::default(),
            kind: self.kind,
            level: literal::level(&args, 1, self.kind.name())?,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Values {
    sample: Sample,
    kind: Kind,
    level: f64,
}

impl Accumulator for Values {
    fn update_batch(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        if let Some(values) = arrays.first() {
            self.sample.extend(values);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.sample.merge(states, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.sample.state()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // In one order, from which the last digit of a sum follows.
        self.sample.sort();
        let interval = self.kind.of(&self.sample.0, self.level)?;
        let values = [
            interval.map(|of| of.estimate),
            interval.map(|of| of.lower),
            interval.map(|of| of.upper),
        ];
        let arrays = values
            .iter()
            .map(|value| Arc::new(Float64Array::from(vec![*value])) as ArrayRef)
            .collect();
        Ok(row(numbers(&FIELDS), arrays))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sample.size()
    }
}
