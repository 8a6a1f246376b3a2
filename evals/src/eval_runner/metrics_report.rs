//! Metrics alone.

use std::fmt::Write as _;

use super::line::{self, GROUPS};
use crate::converter::{Conversion, Converted};
use crate::file;
use crate::metrics::EvalMetric;
use crate::output::one_line;

/// The metrics of analytics, without a baseline.
#[derive(Clone, Copy, Debug)]
pub struct MetricsReport<'a> {
    /// The application.
    pub app_name: &'a str,
    /// Its metrics.
    pub converted: &'a Converted,
}

impl MetricsReport<'_> {
    /// For programs: the metrics as a baseline keeps them, without a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        file::to_json(&self.converted.metrics)
    }

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a String cannot fail");
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let values = &self.converted.values;
        writeln!(
            out,
            "=== Evaluation Metrics ===\n\nApp: {}",
            one_line(self.app_name)
        )?;
        for (group, title) in GROUPS {
            writeln!(out, "\n{title}:")?;
            let mut any = false;
            for metric in EvalMetric::ALL
                .into_iter()
                .filter(|metric| metric.group() == group)
            {
                if let Some(value) = values.get(metric) {
                    writeln!(out, "  {}{}", line::label(metric), line::value(metric, value))?;
                    any = true;
                }
            }
            if !any {
                writeln!(out, "  (not evaluated)")?;
            }
        }
        self.write_sessions(out)?;
        self.converted
            .notes
            .iter()
            .try_for_each(|note| writeln!(out, "Note: {note}"))
    }

    /// What metrics of one session are means of.
    fn write_sessions(&self, out: &mut String) -> std::fmt::Result {
        if self.converted.conversion == Conversion::Reference {
            return Ok(());
        }
        let totals = &self.converted.totals;
        writeln!(
            out,
            "\nSESSIONS: {} (together {} tokens, ${:.5}, {} tool calls)",
            totals.sessions, totals.tokens, totals.cost_usd, totals.tool_calls
        )
    }
}
