//! What can be wrong with a report, or with what is asked of it.

use super::parameter::ParameterType;

/// What can be wrong with a report, or with what is asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is no report of that name.
    #[error("there is no report {name:?}; there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A line of the header is not what it should be.
    #[error("{report}: the line {line:?} is not understood: write it as {form:?}")]
    Header {
        /// The report.
        report: String,
        /// The line.
        line: String,
        /// What it should look like.
        form: &'static str,
    },
    /// The file holds no statement.
    #[error("{report} holds no SQL statement")]
    Empty {
        /// The report.
        report: String,
    },
    /// Two things of the report have one name, or the name means something else.
    #[error("{report}: the name {name:?} is taken; choose another")]
    Taken {
        /// The report.
        report: String,
        /// The name.
        name: String,
    },
    /// No section is shown.
    #[error("{report} has tables only, and shows nothing; give it a section that reads them")]
    ShowsNothing {
        /// The report.
        report: String,
    },
    /// A section does not heed what the report is narrowed down to.
    #[error(
        "{report} cannot be narrowed down: its section {section} names no $filter, nor a table that does; without it the \
         section would tell of everything"
    )]
    NotFiltered {
        /// The report.
        report: String,
        /// The section.
        section: String,
    },
    /// The report has no such parameter.
    #[error("{report} has no parameter {name:?}; it has {known}")]
    NoParameter {
        /// The report.
        report: String,
        /// The name.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// A parameter without default was not given.
    #[error(
        "{report} needs the parameter {name:?} ({parameter_type}); give it by name, as -p {name}=VALUE, or behind the report's name"
    )]
    Missing {
        /// The report.
        report: String,
        /// The name.
        name: String,
        /// What it is.
        parameter_type: ParameterType,
    },
    /// More values than parameters.
    #[error("{report} takes {takes} values beside its name, found {found}")]
    TooManyValues {
        /// The report.
        report: String,
        /// How many it takes.
        takes: usize,
        /// How many were given.
        found: usize,
    },
    /// The value is not of the parameter's type.
    #[error("{value:?} is no {parameter_type} for {name}: use {}", parameter_type.form())]
    Value {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
        /// What it should be.
        parameter_type: ParameterType,
    },
    /// The report cannot be narrowed down in that way.
    #[error("{report} cannot be narrowed down by {by}; {instead}")]
    NoFilter {
        /// The report.
        report: String,
        /// By what.
        by: &'static str,
        /// What can be done.
        instead: String,
    },
    /// A condition is not one.
    #[error("{condition:?} is no condition ({wrong}): use one such as \"status = 'failed'\"")]
    Condition {
        /// The condition.
        condition: String,
        /// What the parser says about it.
        wrong: String,
    },
}
