//! Golden suites: questions with expected answers.
//!
//! | file | noun |
//! |---|---|
//! | `suite.rs`, `case.rs` | the file of a suite |
//! | `lines.rs` | where its cases stand |
//! | `lint.rs` | what is wrong with it |
//! | `answers.rs` | the file of answers |
//! | `score.rs` | scores alone |
//! | `result.rs`, `group.rs` | a suite with its answers, scored |
//! | `options.rs` | how it is scored |
//! | `conclusion.rs` | what follows |
//! | `outcome.rs` | the result as the outcome of a gate |
//! | `text.rs` | the result for people |

mod answers;
mod case;
mod conclusion;
mod group;
mod lines;
mod lint;
mod options;
mod outcome;
mod result;
mod score;
mod suite;
#[cfg(test)]
mod tests;
mod text;

pub use answers::{Answers, Missing};
pub use case::EvalCase;
pub use conclusion::SuiteConclusion;
pub use group::GroupSummary;
pub use lines::case_lines;
pub use lint::{Finding, FindingSeverity, lint, lint_text, lint_text_by};
pub use options::SuiteOptions;
pub use result::{AnswerResult, CaseResult, SuiteInterval, SuiteResult, SuiteSummary, SuiteTitle, run_suite};
pub use score::{average_correctness, score_answer, score_suite};
pub use suite::EvalSuite;
