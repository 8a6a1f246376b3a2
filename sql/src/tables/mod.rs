//! Tables of the store as DataFusion sees them.
//!
//! | file | what it holds |
//! |---|---|
//! | `schema` | the columns as a session shows them |
//! | `statistics` | what the manifest knows, in DataFusion's words |
//! | `pruning` | which segments a filter rules out |
//! | `segment_table` | the scan over what remains |

mod checked_store;
mod pruning;
mod schema;
mod segment_table;
mod statistics;

pub(crate) use checked_store::{CheckedStore, DamagedSegment};
pub(crate) use segment_table::SegmentTable;
