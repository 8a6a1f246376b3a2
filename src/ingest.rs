//! Sources of records and the pipeline that carries them into a store.

pub use quipu_ingest::*;
