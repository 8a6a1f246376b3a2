//! What the programs of this crate share, and the tools `parse_events` and `analyze_events`, whose programs in `bin/` do
//! nothing but call them.
//!
//! | place | what it holds |
//! |---|---|
//! | `failure.rs` | errors as one line and an exit code |
//! | `escape.rs` | characters that must not reach a terminal as they are |
//! | `logging.rs` | what the libraries have to say |
//! | `parse_events/` | records to JSON documents |
//! | `analyze_events/` | JSON documents, or a store, to a report |

pub mod analyze_events;
pub mod escape;
pub mod failure;
pub mod logging;
pub mod parse_events;
