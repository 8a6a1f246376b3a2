//! Reports: questions whose answers have a type in Rust.

pub mod completeness;
pub mod thread_state;
