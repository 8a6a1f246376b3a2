//! What a gate says, for people and for CI: one value, [`Outcome`], and a format a file.
//!
//! ```text
//! checks  --\
//! suites  ---> Outcome --> text, JSON, Markdown, JUnit XML, GitHub annotations
//! metrics --/         \-> exit code
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `outcome.rs` | a gate's verdict and its findings; the verdict line and the exit code |
//! | `finding.rs` | one thing that was judged |
//! | `format.rs` | the formats by name |
//! | `text.rs`, `json.rs`, `markdown.rs`, `junit.rs` | one format a file |
//! | `github.rs` | annotations and the step summary of GitHub Actions |
//! | `change.rs` | how one value stands to another |
//! | `escape.rs` | text that is safe on one line |
//!
//! The verdict line, the exit code and what JUnit and GitHub count as failed follow from one [`Verdict`](crate::Verdict) and
//! one [`FailOn`](crate::FailOn): no format can contradict another.

mod change;
mod escape;
mod finding;
mod format;
mod github;
mod json;
mod junit;
mod markdown;
mod outcome;
mod text;

pub(crate) use change::{UP_FROM_NOTHING, change};
pub(crate) use escape::{indented, one_line};
pub use finding::{Finding, Location, Severity, Status, UnknownSeverity};
pub use format::{Format, UnknownFormat};
pub use github::GitHub;
pub use json::to_json;
pub use junit::to_junit;
pub use markdown::to_markdown;
pub use outcome::{Counts, Outcome};
pub use text::{Colour, to_text};

#[cfg(test)]
mod sample;
