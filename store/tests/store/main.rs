//! The store through its public interface.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking, and says what it was trying"
)]

mod commit;
mod common;
mod damage;
mod dying;
mod faults;
mod foreign;
mod merge;
mod readers;
mod recovery;
mod runs;
