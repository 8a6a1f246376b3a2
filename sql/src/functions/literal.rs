//! Constant arguments of aggregates.

use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::physical_expr::expressions::Literal;

/// The constant at that place; none if the call has fewer arguments.
fn scalar<'a>(
    args: &'a AccumulatorArgs<'_>,
    at: usize,
    function: &str,
    name: &str,
) -> Result<Option<&'a ScalarValue>> {
    let Some(expr) = args.exprs.get(at) else {
        return Ok(None);
    };
    match expr.downcast_ref::<Literal>() {
        Some(literal) => Ok(Some(literal.value())),
        None => plan_err!("{name} of {function} must be a constant, found {expr}"),
    }
}

/// A share from 0 to 1.
pub(super) fn share(args: &AccumulatorArgs<'_>, at: usize, function: &str) -> Result<f64> {
    match scalar(args, at, function, "the share p")? {
        Some(ScalarValue::Float64(Some(share))) if (0.0..=1.0).contains(share) => Ok(*share),
        Some(ScalarValue::Float64(Some(share))) if (1.0..=100.0).contains(share) => plan_err!(
            "the share p of {function} is from 0 to 1, found {share}: write {} for the {share}th percentile",
            share / 100.0
        ),
        found => plan_err!(
            "the share p of {function} is a number from 0 to 1, found {}",
            found.map_or_else(|| "none".to_owned(), ToString::to_string)
        ),
    }
}

/// A confidence level between 0 and 1; 0.95 if the call has fewer arguments.
pub(super) fn level(args: &AccumulatorArgs<'_>, at: usize, function: &str) -> Result<f64> {
    match scalar(args, at, function, "the level")? {
        None => Ok(0.95),
        Some(ScalarValue::Float64(Some(level))) if *level > 0.0 && *level < 1.0 => Ok(*level),
        Some(found) => {
            plan_err!("the level of {function} is a number between 0 and 1, such as 0.95, found {found}")
        }
    }
}

/// A whole number from 0; 0 if the call has fewer arguments.
pub(super) fn seed(args: &AccumulatorArgs<'_>, at: usize, function: &str) -> Result<u64> {
    match scalar(args, at, function, "the seed")? {
        None => Ok(0),
        Some(ScalarValue::Int64(Some(seed))) if *seed >= 0 => Ok(seed.unsigned_abs()),
        Some(found) => plan_err!("the seed of {function} is a whole number from 0, found {found}"),
    }
}

/// A text; none if the call has fewer arguments.
pub(super) fn text(
    args: &AccumulatorArgs<'_>,
    at: usize,
    function: &str,
    name: &str,
) -> Result<Option<String>> {
    match scalar(args, at, function, &format!("the {name}"))? {
        None => Ok(None),
        Some(ScalarValue::Utf8(Some(text))) => Ok(Some(text.clone())),
        Some(found) => plan_err!("the {name} of {function} is a text, found {found}"),
    }
}
