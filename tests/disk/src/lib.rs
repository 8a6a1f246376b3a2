//! A file layer that fails on purpose, behind the trait [`Disk`](quipu_store::disk::Disk) of a store.
//!
//! It works over a real folder, as segments are read and the index of the sequence book is written with plain files,
//! and keeps beside it what a power loss would leave: **live** bytes are those that were written, **durable** ones
//! those that were synced, and a name is durable when its folder was synced. It syncs nothing in truth, so that a
//! thousand runs take seconds.
//!
//! | what goes wrong | how |
//! |---|---|
//! | a call fails, with EIO or ENOSPC | [`Fault::Fail`]; of the sync of a file: no later one keeps those bytes either, as on Linux |
//! | a call is done and fails all the same | [`Fault::FailAfter`], as when the answer of a file server is lost |
//! | a write takes less than it was given | [`Fault::Short`] |
//! | a write fails in its midst | [`Fault::Torn`] |
//! | the process dies before or in a call | [`Fault::Die`], [`Fault::DieWithin`]; what was written stays for the next life |
//! | the power fails | [`FaultyDisk::power_loss`]: unsynced writes and names vanish, or some survive whatever their order, whole or torn |
//! | a disk that lies | [`Trust`]: syncs do nothing. The bug to plant, which a test must find |
//!
//! What goes wrong in a run is a [`Plan`]: data, made by hand or from a seed. The same plan over the same calls gives
//! the same faults. [`Turns`] lets several writers take turns call by call, in an order that a seed gives.
//!
//! What this crate is not: a model of any one file system. It allows what some file system may do.

mod call;
mod content;
mod dice;
mod disk;
mod layer;
mod names;
mod plan;
mod turns;

#[cfg(test)]
mod tests;

pub use call::{Call, Op, Outcome};
pub use dice::Dice;
pub use disk::FaultyDisk;
pub use plan::{Errno, Fault, Locks, Loss, Plan, Trust};
pub use turns::{Job, Turns};
