//! The message types of the protocol, generated from `schema/dashstream.proto`.
//!
//! These types are for writing messages and for checking the direct decoder in tests; reading goes from bytes to
//! columns without them (see [`crate::Decoder`]).
#![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/dashstream.v1.rs"));
