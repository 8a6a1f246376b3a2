//! Answers of a broker, of any bytes: never a panic, never more memory than the bytes justify.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use quipu_kafka::answer::{ASKED, tally};

fuzz_target!(|bytes: &[u8]| {
    // The first byte says which request is answered, the second in which version.
    let [kind, version, body @ ..] = bytes else { return };
    let (api, newest) = ASKED[usize::from(*kind) % ASKED.len()];
    let version = i16::from(*version) % (newest + 1);
    let _ = tally(api, version, Bytes::copy_from_slice(body));
});
