//! What the book promises, file by file.

#![allow(clippy::unwrap_used)]

mod cold;
mod determinism;
mod lookahead;
mod parts;
mod runs;
mod speed;
mod support;
mod verdicts;
