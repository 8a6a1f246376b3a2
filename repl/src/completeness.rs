//! How complete the data must be for an answer, and saying how complete it is.

use std::env;
use std::io::{self, Write};

use anyhow::Result;
use clap::ValueEnum;
use quipu::Completeness;

use crate::failure::{CannotJudge, IncompleteError, UsageError};
use crate::query::Query;

/// The variable that sets the bound for every command.
const BOUND_VARIABLE: &str = "QUIPU_MIN_COMPLETENESS";

/// Options of every command that answers from the messages.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct CompletenessArgs {
    /// Say on standard error how much of what was sent is in the store
    #[arg(long)]
    completeness: bool,

    /// Least share of the numbered messages that must be there, such as 0.999 or 99.9% [default:
    /// $QUIPU_MIN_COMPLETENESS, else none]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    min_completeness: Option<f64>,

    /// What happens when less is there
    #[arg(long, value_enum, default_value_t = Incomplete::Refuse, value_name = "WHAT")]
    incomplete: Incomplete,
}

/// What happens to an answer from data that is less complete than asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Incomplete {
    /// No answer, exit code 1
    #[default]
    Refuse,
    /// The answer, and a warning on standard error
    Mark,
}

impl CompletenessArgs {
    /// Says what was asked for, and fails if the data is less complete than it must be. Where neither was asked for,
    /// nothing is computed.
    pub(crate) async fn check(&self, query: &Query) -> Result<()> {
        let bound = self.bound()?;
        if !self.completeness && bound.is_none() {
            return Ok(());
        }
        let found = query.completeness().await;
        match found {
            Ok(found) => self.judge(&found, bound),
            Err(error) if bound.is_some() => Err(CannotJudge(error).into()),
            Err(error) => Err(error),
        }
    }

    /// As [`Self::check`], for an account that is known. A report states it in any case.
    pub(crate) fn check_known(&self, found: &Completeness) -> Result<()> {
        Self::judge(
            &Self {
                completeness: false,
                ..self.clone()
            },
            found,
            self.bound()?,
        )
    }

    /// As [`Self::check_known`], for a gate: from less than the bound it does not judge.
    pub(crate) fn check_gate(&self, found: &Completeness) -> Result<()> {
        self.check_known(found).map_err(|error| {
            if error.is::<IncompleteError>() {
                CannotJudge(error).into()
            } else {
                error
            }
        })
    }

    fn judge(&self, found: &Completeness, bound: Option<f64>) -> Result<()> {
        match bound.filter(|bound| !found.reaches(*bound)) {
            Some(bound) if self.incomplete == Incomplete::Refuse => Err(IncompleteError {
                found: found.to_string(),
                bound,
            }
            .into()),
            Some(bound) => {
                say(&format!(
                    "warning: incomplete, below {} %: {found}",
                    bound * 100.0
                ));
                Ok(())
            }
            None if self.completeness => {
                say(&found.to_string());
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn bound(&self) -> Result<Option<f64>> {
        if self.min_completeness.is_some() {
            return Ok(self.min_completeness);
        }
        let variable = env::var(BOUND_VARIABLE).ok().filter(|text| !text.is_empty());
        variable
            .map(|text| share(&text).map_err(|wrong| UsageError(format!("{BOUND_VARIABLE}: {wrong}")).into()))
            .transpose()
    }
}

fn say(text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Reads a share: from 0 to 1, or in percent.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let wrong =
        || format!("{text:?} is no share: use a number from 0 to 1 such as 0.999, or percent such as 99.9%");
    let value: f64 = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0,
        None => text.trim().parse().map_err(|_| wrong())?,
    };
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_fractions_and_in_percent() {
        assert_eq!(share("0.999"), Ok(0.999));
        assert_eq!(share("100%"), Ok(1.0));
        assert_eq!(share(" 50 % "), Ok(0.5));
        for wrong in ["99.9", "-1", "1.01", "120%", "many", "", "NaN"] {
            let error = share(wrong).unwrap_err();
            assert!(error.contains("99.9%"), "{error}");
        }
    }
}
