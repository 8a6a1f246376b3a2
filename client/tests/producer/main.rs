//! The producer of messages against the in-process broker and its faults.
#![allow(clippy::unwrap_used)]

mod closing;
mod delivery;
mod fallback;
mod messages;
mod numbers;
mod old_names;
mod replay;
mod room;
mod sizes;
mod support;
mod traces;
