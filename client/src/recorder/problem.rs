//! Errors that an application tells of.

use std::collections::BTreeMap;
use std::fmt::Display;

use quipu_proto::message::Error;
use quipu_proto::message::error::Severity;

/// An error that an application tells of, beside what failed by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    error: Error,
}

impl Problem {
    /// An error of severity ERROR, with the text of it. `{:#}` is used, which errors with causes print them by.
    #[must_use]
    pub fn new(error: &(impl Display + ?Sized)) -> Self {
        Self {
            error: Error {
                message: format!("{error:#}"),
                severity: Severity::Error.into(),
                ..Error::default()
            },
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.error.severity = severity.into();
        self
    }

    /// A short name of its kind, such as `RATE_LIMIT`, by which errors can be counted.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.error.error_code = code.into();
        self
    }

    /// The type of the error in the program.
    #[must_use]
    pub fn exception_type(mut self, name: impl Into<String>) -> Self {
        self.error.exception_type = name.into();
        self
    }

    /// Where it happened in the program.
    #[must_use]
    pub fn stack_trace(mut self, trace: impl Into<String>) -> Self {
        self.error.stack_trace = trace.into();
        self
    }

    /// What could be done about it.
    #[must_use]
    pub fn suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.error.suggestions.push(suggestion.into());
        self
    }

    /// What else is known, such as the `call_id` of a tool or the `request_id` of a model. The node is added by itself.
    #[must_use]
    pub fn context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.error.context.insert(name.into(), value.into());
        self
    }

    /// The message, with these names in its context that it has not.
    pub(super) fn into_error(mut self, context: BTreeMap<String, String>) -> Error {
        for (name, value) in context {
            self.error.context.entry(name).or_insert(value);
        }
        self.error
    }
}
