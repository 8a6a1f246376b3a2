//! Sending recorded telemetry again.
//!
//! ```text
//! frames file ─┐
//! JSON lines  ─┴> Recorded ──Pace──> topic: the same keys and values, in the same order
//! ```
//!
//! Records go out as they were recorded, byte for byte: ids and numbers of messages stay, so that a store that has them
//! knows the copies, and what could not be decoded then cannot be now. Records of one key stay in order. They choose
//! their partition by their key, as those of producers do.

mod frames;
mod json_lines;
mod pace;
mod recorded;
mod send;

pub use frames::RecordedFrames;
pub use json_lines::RecordedLines;
pub use pace::Pace;
pub use recorded::{Recorded, RecordingError};
pub use send::{ReplayCounts, ReplayError, ReplayOptions, ReplayProgress, replay};
