//! A simulated fleet of agents: seeded, realistic DashStream messages.
//!
//! Two sources, both made of the same sessions:
//!
//! - [`Fleet`]: agents of several tenants that run graphs, ask models, call tools, fail and try again, with times
//!   that fit. For the demo and for tests.
//! - [`Canonical`]: the workload that figures are taken with, of fixed shares and sizes of the nine kinds of message.
//!
//! The same seed gives the same bytes. Each thread numbers its messages with one counter from 1; the header of a
//! batch and an execution trace carry 0.
//!
//! | file | what is in it |
//! |---|---|
//! | `fleet`, `canonical` | the two sources |
//! | `session` | one agent on its thread: runs, nodes, edges |
//! | `visit`, `model_call`, `tool_call`, `account`, `remark` | what happens in a node: state, model, tools, metrics, errors, texts |
//! | `state` | the agent's state as JSON, its diffs and hashes |
//! | `outbox`, `sent` | messages written, then numbered and sent |
//! | `guide`, `mix` | how much of each kind is written |
//! | `catalog`, `graphs`, `manifest` | tenants, models, graphs |
//! | `dice`, `words`, `prose` | chance and text |

mod account;
mod canonical;
mod catalog;
mod collection;
mod dice;
mod fleet;
mod graphs;
mod guide;
mod kind;
mod manifest;
mod mix;
mod model_call;
mod outbox;
mod prose;
mod remark;
mod sent;
mod session;
mod state;
mod time;
mod tool_call;
mod visit;
mod words;

#[cfg(test)]
mod tests;

pub use canonical::{Canonical, CanonicalOptions, Record, ZSTD_SHARE};
pub use fleet::{Fleet, FleetOptions, START_TIME_US};
pub use kind::Kind;
pub use mix::Mix;
pub use quipu_proto::framing::Compression;
pub use sent::{Sent, headers_mut, partition_of};
