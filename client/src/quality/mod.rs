//! Answers judged, and asked for again where they are not good enough.
//!
//! ```text
//! answer ──> Judge ──> Scores, issues ──> Verdict ──> Metrics of scope `quality`, and an alert below the threshold
//!   ^                                        │
//!   └───────────── QualityGate: again ───────┘
//! ```
//!
//! An answer that could not be judged is never let pass: its verdict says so.

mod gate;
mod judge;
mod monitor;
mod scores;

pub use gate::{GateOutcome, QualityGate};
pub use judge::{Judge, JudgeError, Judgement, Question, Subject};
pub use monitor::{JUDGE_TIMEOUT, QualityMonitor, THRESHOLD, Verdict};
pub use scores::{ScoreError, Scores};
