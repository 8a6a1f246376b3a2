//! Where the records come from.

use anyhow::Result;
use quipu::client::replay::{Recorded, RecordedFrames, RecordedLines, RecordingError};
use quipu::proto::framing::Compression;

use super::Args;

/// Records one after the other.
pub(super) type Records = Box<dyn Iterator<Item = Result<Recorded, RecordingError>> + Send>;

/// The records. All files are opened first: one that is missing is told before anything is sent.
pub(super) fn records(args: &Args) -> Result<Records> {
    let compression = args.compression.compression();
    #[cfg(feature = "demo")]
    if args.source.demo {
        return Ok(fleet(args.messages, args.seed, compression));
    }
    let frames = args.source.frames.iter().map(RecordedFrames::open);
    let frames = frames.collect::<Result<Vec<_>, _>>()?;
    let lines = args.source.jsonl.iter();
    let lines = lines.map(|path| RecordedLines::open(path, compression));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(
        frames.into_iter().flatten().chain(lines.into_iter().flatten()),
    ))
}

/// What a fleet of agents sends.
#[cfg(feature = "demo")]
fn fleet(messages: u64, seed: u64, compression: Compression) -> Records {
    use quipu_fleet::{Fleet, FleetOptions};

    let options = FleetOptions {
        seed,
        messages: Some(messages),
        ..FleetOptions::default()
    };
    Box::new(Fleet::new(options).map(move |sent| {
        Ok(Recorded {
            value: sent.payload(compression),
            recorded_us: Some(sent.time_us),
            key: Some(sent.key.into_bytes()),
        })
    }))
}
