//! What is done with dead letters after they were kept.
#![allow(clippy::unwrap_used)]

mod common;
mod crash;
mod exchange;
mod forward;
mod request;
mod retry;
