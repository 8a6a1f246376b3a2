//! Tests over the wire. `client` is a client of its own that says exactly what a test wants, `records` reads
//! with the decoder of `kafka-protocol`, so that nothing here checks our encoding with our decoding.

#![allow(clippy::unwrap_used)]

mod admin;
mod client;
mod damage;
mod elections;
mod faults;
mod fetch;
mod hostile;
mod lifecycle;
mod offsets;
mod produce;
mod rskafka;
mod shapes;
mod transactions;
mod versions;
