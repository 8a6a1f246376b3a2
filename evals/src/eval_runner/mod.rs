//! What `eval_runner` does, without a terminal: texts in, reports out.
//!
//! | file | noun |
//! |---|---|
//! | `quality.rs` | qualities that are given from outside |
//! | `metrics_report.rs` | metrics alone |
//! | `evaluation.rs` | metrics beside a baseline |
//! | `evidence.rs` | what is known of each metric |
//! | `conclusion.rs` | what follows |
//! | `line.rs` | one metric for people |
//! | `text.rs`, `json.rs` | an evaluation for people, and for programs |

mod conclusion;
mod evaluation;
mod evidence;
mod json;
mod line;
mod metrics_report;
mod quality;
mod text;

pub use conclusion::{Conclusion, Enforcement, FailFrom, Status};
pub use evaluation::{AppCheck, Evaluation, EvaluationOptions, evaluate};
pub use metrics_report::MetricsReport;
pub use quality::QualityScores;

/// Whether a text is coloured for a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// Without any sequence that steers a terminal.
    #[default]
    Plain,
    /// Regressions in the colour of their severity.
    Ansi,
}
