//! The store through its public interface.

#![allow(clippy::unwrap_used)]

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
