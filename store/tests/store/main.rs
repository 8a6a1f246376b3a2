//! The store through its public interface.

#![allow(clippy::unwrap_used)]

mod commit;
mod common;
mod faults;
mod readers;
mod recovery;
