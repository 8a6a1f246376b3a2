//! Bytes of a manifest, as they are and behind a valid checksum: read or refused, never worse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_store::manifest::codec::{decode, frame_uncompressed};

fuzz_target!(|bytes: &[u8]| {
    let _ = decode(bytes.to_vec());
    let (body, filters) = bytes.split_at(bytes.len() - bytes.len() / 4);
    if let Ok(manifest) = decode(frame_uncompressed(body, filters)) {
        assert_eq!(
            decode(quipu_store::manifest::codec::encode(&manifest)).as_ref(),
            Ok(&manifest)
        );
    }
});
