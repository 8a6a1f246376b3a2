//! One command a file: its arguments and one function.

pub(crate) mod bench;
pub(crate) mod check;
#[cfg(feature = "demo")]
pub(crate) mod demo;
pub(crate) mod dlq;
pub(crate) mod eval;
pub(crate) mod ingest;
pub(crate) mod produce;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sql;
pub(crate) mod status;
pub(crate) mod verify;
