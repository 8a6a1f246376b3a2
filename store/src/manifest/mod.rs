//! The manifest: the numbered list of live segments and Kafka positions. One commit is one new manifest.
//!
//! | file | what it holds |
//! |---|---|
//! | `model` | the manifest in memory |
//! | `codec` | its bytes: layout, checksum, both ways |
//! | `invariants` | what must hold between a manifest and the next |
//! | `persist` | publishing and finding manifests in the folder |
//! | `recover` | what opening a store does with each thing it may find |

pub mod codec;
mod invariants;
mod model;
pub(crate) mod persist;
pub(crate) mod recover;

pub use model::{CommitNote, Head, Manifest, ManifestId, PartitionState, TableRows};

pub use recover::{Action, Finding, TABLE as RECOVERY};

pub(crate) use invariants::check;
