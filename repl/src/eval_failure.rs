//! How errors of evaluations end a gate.

use anyhow::Error;
use quipu::evals::{EvalError, EvalErrorKind};

use crate::failure::{CannotJudge, UsageError};

/// The error as one that [`crate::failure::report`] has an exit code for: wrong usage 2, no judgement 3, else 1.
#[must_use]
pub fn of_gate(error: EvalError) -> Error {
    match error.kind() {
        EvalErrorKind::Usage => Error::new(UsageError(error.to_string())),
        EvalErrorKind::Input => Error::new(CannotJudge(Error::new(error))),
        EvalErrorKind::Output => Error::new(error),
    }
}
