//! Errors, by where they are told.

use std::collections::BTreeMap;

/// Error messages by severity, and events that tell of errors by type.
#[derive(Debug, Default)]
pub(super) struct ErrorTally {
    pub(super) severities: BTreeMap<Box<str>, u64>,
    pub(super) events: BTreeMap<Box<str>, u64>,
}

/// Whether a message of that severity is an error. One whose severity has no name is taken for one.
pub(super) fn is_error(severity: &str) -> bool {
    !matches!(severity, "DEBUG" | "INFO" | "WARNING")
}

impl ErrorTally {
    pub(super) fn add_message(&mut self, severity: &str) {
        count(&mut self.severities, severity);
    }

    pub(super) fn add_event(&mut self, event_type: &str) {
        count(&mut self.events, event_type);
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (known, others) in [
            (&mut self.severities, other.severities),
            (&mut self.events, other.events),
        ] {
            for (name, number) in others {
                *known.entry(name).or_default() += number;
            }
        }
    }
}

fn count(counts: &mut BTreeMap<Box<str>, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.into(), 1);
        }
    }
}
