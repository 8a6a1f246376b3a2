//! What the programs of this crate share, and the tools `parse_events`, `analyze_events`, `eval_runner` and
//! `benchmark_runner`, whose programs in `bin/` do nothing but call them.
//!
//! | place | what it holds |
//! |---|---|
//! | `failure.rs` | errors as one line and an exit code |
//! | `eval_failure.rs` | errors of evaluations, likewise |
//! | `escape.rs` | characters that must not reach a terminal as they are |
//! | `terminal.rs` | what may be printed to whom |
//! | `logging.rs` | what the libraries have to say |
//! | `parse_events/` | records to JSON documents |
//! | `analyze_events/` | JSON documents, or a store, to a report |
//! | `eval_runner/` | a report to a verdict, or answers to scores |
//! | `benchmark_runner/` | reports to statistics |

pub mod analyze_events;
pub mod benchmark_runner;
pub mod escape;
pub mod eval_failure;
pub mod eval_runner;
pub mod failure;
pub mod logging;
pub mod parse_events;
pub mod terminal;
