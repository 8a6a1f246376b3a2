//! Frames files of any bytes: frames, then the end or one error; what is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quipu_proto::frames::{FramesReader, write_frame};

fuzz_target!(|bytes: &[u8]| {
    let mut reader = FramesReader::new(bytes);
    let mut written = Vec::new();
    let mut failed = false;
    for frame in reader.by_ref() {
        assert!(!failed, "nothing follows an error");
        match frame {
            Ok(frame) => write_frame(&mut written, &frame).expect("memory takes every frame"),
            Err(_) => failed = true,
        }
    }
    assert!(bytes.starts_with(&written));
    assert_eq!(failed, written.len() < bytes.len());
});
