//! Statistics of two samples: `x` of a baseline and of what is compared with it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use datafusion::arrow::compute::{filter, not};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, TypeSignature, Volatility,
    scalar_doc_sections::DOC_SECTION_MATH,
};
use quipu_stats::difference::{Difference, Statistic, compare};
use quipu_stats::moments::Moments;
use quipu_stats::power::{self, minimum_detectable_effect};
use quipu_stats::{effect, mann_whitney};

use super::super::literal;
use super::samples::{Sample, state_field};
use super::{numbers, row};

pub(super) fn udafs() -> Vec<Arc<AggregateUDF>> {
    Kind::ALL
        .map(|kind| Arc::new(AggregateUDF::from(TwoSamples::new(kind))))
        .to_vec()
}

/// What is told of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Difference,
    MannWhitneyP,
    HedgesG,
    CliffsDelta,
    MinimumDetectable,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Difference,
        Self::MannWhitneyP,
        Self::HedgesG,
        Self::CliffsDelta,
        Self::MinimumDetectable,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Difference => "sample_difference",
            Self::MannWhitneyP => "mann_whitney_p",
            Self::HedgesG => "hedges_g",
            Self::CliffsDelta => "cliffs_delta",
            Self::MinimumDetectable => "minimum_detectable",
        }
    }

    /// Form of the call, what it gives, and an example.
    fn documented(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Difference => (
                "sample_difference(x, is_current [, statistic [, level [, seed]]])",
                "How a statistic of the current sample differs from that of the baseline: a struct of baseline, current, \
                 difference, lower, upper (the confidence interval of the difference), p_value (two-sided) and method. \
                 Null fields where the samples are too small to tell.",
                "select sample_difference(duration_us / 1e3, started >= '2026-01-02', 'p95')['p_value'] from runs",
            ),
            Self::MannWhitneyP => (
                "mann_whitney_p(x, is_current)",
                "The two-sided p-value of the Mann-Whitney test: whether values of one sample tend to be greater, \
                 whatever their distribution.",
                "select mann_whitney_p(duration_us, started >= '2026-01-02') from runs",
            ),
            Self::HedgesG => (
                "hedges_g(x, is_current)",
                "The difference of the means in units of the pooled standard deviation, corrected for small samples \
                 (Hedges' g).",
                "select hedges_g(duration_us, started >= '2026-01-02') from runs",
            ),
            Self::CliffsDelta => (
                "cliffs_delta(x, is_current)",
                "The share of pairs in which the current value is greater less the share in which it is smaller (Cliff's \
                 delta), from -1 to 1.",
                "select cliffs_delta(duration_us, started >= '2026-01-02') from runs",
            ),
            Self::MinimumDetectable => (
                "minimum_detectable(x, is_current [, level])",
                "The least difference of the means that samples of these sizes and deviations show 4 times out of 5.",
                "select minimum_detectable(duration_us, started >= '2026-01-02') from runs",
            ),
        }
    }
}

const DIFFERENCE: [&str; 6] = ["baseline", "current", "difference", "lower", "upper", "p_value"];

fn difference_fields() -> Fields {
    let numbers = numbers(&DIFFERENCE);
    let method = Arc::new(Field::new("method", DataType::Utf8, true));
    numbers.iter().cloned().chain([method]).collect()
}

fn difference_row(of: Option<Difference>) -> ScalarValue {
    let numbers = [
        of.map(|of| of.baseline),
        of.map(|of| of.current),
        of.map(|of| of.difference),
        of.map(|of| of.lower),
        of.map(|of| of.upper),
        of.map(|of| of.p_value),
    ];
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for number in numbers {
        arrays.push(Arc::new(Float64Array::from(vec![number])));
    }
    arrays.push(Arc::new(StringArray::from(vec![of.map(|of| of.method.as_str())])));
    row(difference_fields(), arrays)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TwoSamples {
    kind: Kind,
    signature: Signature,
    documentation: Documentation,
}

impl TwoSamples {
    fn new(kind: Kind) -> Self {
        use DataType::{Boolean, Float64, Int64, Utf8};
        let longest: &[DataType] = match kind {
            Kind::Difference => &[Float64, Boolean, Utf8, Float64, Int64],
            Kind::MinimumDetectable => &[Float64, Boolean, Float64],
            Kind::MannWhitneyP | Kind::HedgesG | Kind::CliffsDelta => &[Float64, Boolean],
        };
        let forms = (2..=longest.len()).map(|count| TypeSignature::Exact(longest[..count].to_vec()));
        let (form, about, example) = kind.documented();
        let mut documentation = Documentation::builder(DOC_SECTION_MATH, about, form)
            .with_argument("x", "Numbers.")
            .with_argument(
                "is_current",
                "Whether x is of the current sample, else it is of the baseline.",
            );
        if kind == Kind::Difference {
            documentation = documentation
                .with_argument(
                    "statistic",
                    "'mean' (the default), 'rate' (of values 0 and 1), or a percentile: 'p95'.",
                )
                .with_argument(
                    "level",
                    "The confidence level, a constant between 0 and 1. Default: 0.95.",
                )
                .with_argument("seed", "Where resampling begins, a constant. Default: 0.");
        } else if kind == Kind::MinimumDetectable {
            documentation = documentation.with_argument(
                "level",
                "The confidence level, a constant between 0 and 1. Default: 0.95.",
            );
        }
        Self {
            kind,
            signature: Signature::one_of(forms.collect(), Volatility::Immutable),
            documentation: documentation.with_sql_example(example).build(),
        }
    }
}

impl AggregateUDFImpl for TwoSamples {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Difference => DataType::Struct(difference_fields()),
            _ => DataType::Float64,
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let statistic = format_state_name(args.name, "statistic");
        Ok(vec![
            state_field(&args, "baseline"),
            state_field(&args, "current"),
            Arc::new(Field::new(statistic, DataType::Utf8, true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let name = self.kind.name();
        if args.is_distinct {
            return plan_err!("{name} takes no DISTINCT: each value counts as often as it comes");
        }
        let (level, seed) = match self.kind {
            Kind::Difference => (literal::level(&args, 3, name)?, literal::seed(&args, 4, name)?),
            Kind::MinimumDetectable => (literal::level(&args, 2, name)?, 0),
            _ => (0.95, 0),
        };
        Ok(Box::new(Samples {
            baseline: Sample::default(),
            current: Sample::default(),
            statistic: None,
            kind: self.kind,
            level,
            seed,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Samples {
    baseline: Sample,
    current: Sample,
    /// As told: one for a group, so that a query over several metrics may take it from a column.
    statistic: Option<String>,
    kind: Kind,
    level: f64,
    seed: u64,
}

impl Samples {
    fn tell(&mut self, statistics: &dyn Array) -> Result<()> {
        for told in statistics.as_string::<i32>().iter().flatten() {
            match &self.statistic {
                None => self.statistic = Some(told.to_owned()),
                Some(known) if known == told => {}
                Some(known) => {
                    return exec_err!(
                        "{} takes one statistic for a group, found '{known}' and '{told}': group by it",
                        self.kind.name()
                    );
                }
            }
        }
        Ok(())
    }

    fn statistic(&self) -> Result<Statistic> {
        let Some(told) = self.statistic.as_deref() else {
            return Ok(Statistic::Mean);
        };
        match Statistic::parse(told) {
            Some(statistic) => Ok(statistic),
            None => exec_err!(
                "{} has no statistic '{told}': use 'mean', 'rate' or a percentile such as 'p95'",
                self.kind.name()
            ),
        }
    }
}

impl Accumulator for Samples {
    fn update_batch(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        let [values, sides, more @ ..] = arrays else {
            return exec_err!(
                "{} takes two arguments or more, found {}",
                self.kind.name(),
                arrays.len()
            );
        };
        let sides = sides.as_boolean();
        // What is null is of neither.
        self.current.extend(&filter(values, sides)?);
        self.baseline.extend(&filter(values, &not(sides)?)?);
        match more.first() {
            Some(statistics) if self.kind == Kind::Difference => self.tell(statistics),
            _ => Ok(()),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.baseline.merge(states, 0)?;
        self.current.merge(states, 1)?;
        states.get(2).map_or(Ok(()), |statistics| self.tell(statistics))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            self.baseline.state()?,
            self.current.state()?,
            ScalarValue::Utf8(self.statistic.take()),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // In one order: what is drawn from the values, and the last digit of a sum, follow from it.
        self.baseline.sort();
        self.current.sort();
        let (baseline, current) = (&self.baseline.0, &self.current.0);
        Ok(match self.kind {
            Kind::Difference => {
                let statistic = self.statistic()?;
                difference_row(compare(baseline, current, statistic, self.level, self.seed))
            }
            Kind::MannWhitneyP => {
                ScalarValue::Float64(mann_whitney::mann_whitney(baseline, current).map(|test| test.p_value))
            }
            Kind::HedgesG => ScalarValue::Float64(effect::hedges_g(baseline, current)),
            Kind::CliffsDelta => ScalarValue::Float64(effect::cliffs_delta(baseline, current)),
            Kind::MinimumDetectable => {
                ScalarValue::Float64(minimum_detectable(baseline, current, self.level))
            }
        })
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.baseline.size() + self.current.size()
    }
}

/// How often the least difference is seen that [`minimum_detectable`] gives.
const POWER: f64 = 0.8;

fn minimum_detectable(baseline: &[f64], current: &[f64], level: f64) -> Option<f64> {
    let side = |values: &[f64]| {
        let moments = Moments::of(values)?;
        Some(power::Side {
            deviation: moments.sample_deviation()?,
            count: moments.count(),
        })
    };
    minimum_detectable_effect(side(baseline)?, side(current)?, 1.0 - level, POWER)
}
