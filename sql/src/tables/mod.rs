//! Tables of the store as DataFusion sees them.
//!
//! | file | what it holds |
//! |---|---|
//! | `schema` | the columns as a session shows them |
//! | `statistics` | what the manifest knows, in DataFusion's words |
//! | `pruning` | which segments a filter rules out |
//! | `segment_table` | the scan over what remains |
//! | `checked_store` | reading, with every byte checked |
//! | `kept_view` | a view whose rows a session computes once |

mod checked_store;
mod kept_view;
mod pruning;
mod schema;
mod segment_table;
mod statistics;

pub(crate) use checked_store::{CheckedStore, DamagedSegment};
pub(crate) use kept_view::{KeptView, want};
pub(crate) use segment_table::SegmentTable;
