//! Takes a frames file into a store and tells how long it took.
//!
//! `cargo run --release -p quipu-ingest --example ingest_frames -- [--rows-max ROWS] STORE FILE...`, where ROWS are those
//! of a commit.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use quipu_ingest::{FramesFile, PipelineOptions, Progress, Stop, ingest_frames};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let mut options = PipelineOptions::default();
    if arguments.next_if(|argument| argument == "--rows-max").is_some() {
        let rows = arguments.next().ok_or("--rows-max ROWS")?;
        options.flush.rows_max = rows.to_string_lossy().parse()?;
    }
    let store = arguments
        .next()
        .ok_or("usage: ingest_frames [--rows-max ROWS] STORE FILE...")?;
    let files: Vec<_> = arguments.map(FramesFile::new).collect();
    let start = Instant::now();
    let progress = Arc::new(Progress::default());
    let counts = ingest_frames(store, &files, options, &Stop::default(), &progress)?;
    println!("{counts:#?}\n{:?}", start.elapsed());
    Ok(())
}
