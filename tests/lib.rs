//! What the integration tests share.
//!
//! | module | noun |
//! |---|---|
//! | [`dice`] | seeded chance |
//! | [`traffic`] | records of a fleet in the log of the test broker, with what goes wrong in the field |
//! | [`child`] | this test program once more, as a process that may be killed |
//! | [`ingest`] | runs of the ingester, here or in a child |
//! | [`hand`] | messages written by hand, as a frames file |
//! | [`rows`], [`ledger`] | what a store holds, in a form that two stores can be compared by |
//! | [`kafka`] | a node of Apache Kafka, and a transactional producer |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

#[path = "support/child.rs"]
pub mod child;
#[path = "support/dice.rs"]
pub mod dice;
#[path = "support/hand.rs"]
pub mod hand;
#[path = "support/ingest.rs"]
pub mod ingest;
#[path = "support/kafka.rs"]
pub mod kafka;
#[path = "support/ledger.rs"]
pub mod ledger;
#[path = "support/rows.rs"]
pub mod rows;
#[path = "support/traffic.rs"]
pub mod traffic;
