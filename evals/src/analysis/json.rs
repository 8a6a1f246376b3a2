//! The report as JSON.

use super::report::Report;

/// One JSON document, spread over lines with two spaces for each level, without a line feed at its end.
#[must_use]
pub fn to_json(report: &Report) -> String {
    // Numbers, texts and lists of them: nothing in a report can fail to be written.
    serde_json::to_string_pretty(report).unwrap_or_default()
}
