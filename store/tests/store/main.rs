//! The store through its public interface.

#![allow(clippy::unwrap_used)]

mod commit;
mod common;
mod crash;
mod damage;
mod foreign;
mod merge;
mod readers;
mod recovery;
mod runs;
