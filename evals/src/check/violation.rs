//! Rows that a claim returned: its violations.

use super::message::NULL;

/// A row that a claim returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violation {
    /// Its values as text, in the order of the columns; none is null.
    pub values: Vec<Option<String>>,
}

/// What a claim returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The first rows: as many as are to be shown.
    pub shown: Vec<Violation>,
    /// How many rows there are in all.
    pub count: usize,
}

impl Violations {
    /// The value of a column in a row, if there is such a column; none within is null.
    pub(super) fn value<'a>(&self, violation: &'a Violation, column: &str) -> Option<Option<&'a str>> {
        let at = self.columns.iter().position(|name| name == column)?;
        Some(violation.values.get(at)?.as_deref())
    }

    /// A row in a line: `run_id = 7, node = null`.
    pub(super) fn line(&self, violation: &Violation) -> String {
        let values = violation
            .values
            .iter()
            .map(|value| value.as_deref().unwrap_or(NULL));
        let pairs = self.columns.iter().zip(values);
        let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name} = {value}")).collect();
        pairs.join(", ")
    }
}
