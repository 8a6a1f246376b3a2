//! Verifies a store, against frames files if any are named, and tells what was found and how long it took.
//!
//! `verify_store STORE [FILE...]`
#![allow(clippy::print_stdout, reason = "a program for the command line")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use quipu_ingest::FramesFile;
use quipu_ingest::verify::{Part, VerifyOptions, VerifySource, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let store = arguments.next().ok_or("usage: verify_store STORE [FILE...]")?;
    let files: Vec<FramesFile> = arguments.map(FramesFile::new).collect();
    for part in Part::ALL {
        let options = VerifyOptions {
            parts: vec![part],
            source: (!files.is_empty()).then(|| VerifySource::Frames(files.clone())),
            ..VerifyOptions::default()
        };
        let start = Instant::now();
        let report = verify(Path::new(&store), &options, |_| {})?;
        println!("{part}: {:?}, {:?}", start.elapsed(), report.counts);
        for finding in &report.findings {
            println!("{finding}");
        }
        for note in &report.notes {
            println!("note: {note}");
        }
    }
    // The largest amount of memory so far.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.unwrap_or("VmHWM: unknown"));
    Ok(())
}
