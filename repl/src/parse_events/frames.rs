//! A recorded file as the source.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::{Context, Result, anyhow};
use quipu::proto::frames::{FramesError, FramesReader};

use super::cli::Args;
use super::job::Job;
use super::pool::{self, Jobs};
use super::printer::Printer;

/// Bytes of frames that are decoded together.
const JOB_BYTES: usize = 1 << 20;

/// Prints the messages of a file, or of standard input.
pub(super) fn run(args: &Args, path: &Path) -> Result<()> {
    let input: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| cannot_read(path))?)
    };
    let mut printer = Printer::new(args);
    if printer.is_satisfied() {
        printer.account.tell();
        return Ok(());
    }
    let (jobs, pieces) = pool::start(args)?;
    let ended = start(input, path.to_owned(), jobs)?;
    let mut is_cut_short = false;
    for piece in pieces {
        if printer.take(&piece)?.is_break() {
            is_cut_short = true;
            break;
        }
    }
    printer.finish()?;
    printer.account.tell();
    if is_cut_short {
        // The source may wait for input that nobody wants any more.
        return Ok(());
    }
    ended.recv().unwrap_or(Ok(()))
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// Reads on a thread of its own, which tells how it ended.
fn start(mut input: Box<dyn Read + Send>, path: PathBuf, mut jobs: Jobs) -> Result<Receiver<Result<()>>> {
    let (sender, ended) = sync_channel(1);
    thread::Builder::new()
        .name("read".to_owned())
        .spawn(move || {
            let result = cut_up(&mut input, &path, &mut jobs);
            // Before the workers learn that there is no more.
            let _ = sender.send(result);
        })
        .context("cannot start a thread")?;
    Ok(ended)
}

/// Cuts the input up between frames.
fn cut_up(input: &mut dyn Read, path: &Path, jobs: &mut Jobs) -> Result<()> {
    let mut rest = Vec::new();
    let (mut first, mut position) = (0_u64, 0_u64);
    loop {
        let start = rest.len();
        let wanted = JOB_BYTES.max(start / 2) as u64;
        let read = input
            .take(wanted)
            .read_to_end(&mut rest)
            .map_err(|error| anyhow!("{}: {error}", cannot_read(path)))?;
        let whole = Whole::of(&rest);
        let is_end = (read as u64) < wanted;
        let error = whole
            .error
            .filter(|error| is_end || !matches!(error, FramesError::Truncated { .. }));
        if whole.bytes > 0 {
            let mut job = Vec::with_capacity(JOB_BYTES);
            job.extend_from_slice(&rest[whole.bytes..]);
            std::mem::swap(&mut job, &mut rest);
            job.truncate(whole.bytes);
            if !jobs.send(Job::Frames { bytes: job, first }) {
                return Ok(());
            }
        }
        if let Some(error) = error {
            return Err(anyhow!(
                "{}: {}; the {} frames before it were read",
                path.display(),
                shifted(error, first, position),
                first + whole.frames
            ));
        }
        if is_end {
            return Ok(());
        }
        first += whole.frames;
        position += whole.bytes as u64;
    }
}

/// The whole frames at the start of some bytes.
struct Whole {
    frames: u64,
    bytes: usize,
    /// What is wrong behind them; that there is not enough may be mended by reading on.
    error: Option<FramesError>,
}

impl Whole {
    fn of(bytes: &[u8]) -> Self {
        let mut reader = FramesReader::new(bytes);
        let mut whole = Self {
            frames: 0,
            bytes: 0,
            error: None,
        };
        while let Some(frame) = reader.next() {
            match frame {
                Ok(_) => {
                    whole.frames += 1;
                    whole.bytes = reader.position();
                }
                Err(error) => whole.error = Some(error),
            }
        }
        whole
    }
}

/// The error with the places of the file, not those of a part of it.
fn shifted(error: FramesError, frames: u64, bytes: u64) -> FramesError {
    match error {
        FramesError::Truncated {
            frame,
            position,
            needed,
            left,
        } => FramesError::Truncated {
            frame: frame + frames,
            position: position + bytes,
            needed,
            left,
        },
        FramesError::Partition {
            frame,
            position,
            partition,
        } => FramesError::Partition {
            frame: frame + frames,
            position: position + bytes,
            partition,
        },
    }
}
