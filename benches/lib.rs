//! What the benchmarks share: the canonical workload as the bytes of a frames file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process;

use quipu_fleet::{Canonical, CanonicalOptions};
use quipu_proto::frames::write_frame;

/// Records whose bytes tell one workload from another.
const FINGERPRINT_MESSAGES: u64 = 1_000;

/// Folder of the workloads that were made before.
#[must_use]
pub fn cache_folder() -> PathBuf {
    std::env::temp_dir().join("quipu-benches")
}

/// Path of a frames file with the first `messages` messages of the canonical workload. It is made unless it is there;
/// its name holds a checksum of the first records, so that a changed workload gets another file.
///
/// # Errors
///
/// When the file cannot be written.
pub fn canonical_path(messages: u64) -> io::Result<PathBuf> {
    let options = CanonicalOptions {
        messages,
        ..CanonicalOptions::default()
    };
    let mut first = Vec::new();
    write_workload(
        &mut first,
        CanonicalOptions {
            messages: messages.min(FINGERPRINT_MESSAGES),
            ..options
        },
    )?;
    let name = format!(
        "canonical-{}-{messages}-{:08x}.frames",
        options.seed,
        crc32fast::hash(&first)
    );
    let path = cache_folder().join(name);
    if !path.exists() {
        fs::create_dir_all(cache_folder())?;
        // Another process may be making it too: the last rename wins, and both files are the same.
        let unfinished = path.with_extension(format!("{}.part", process::id()));
        write_workload(
            BufWriter::with_capacity(1 << 20, File::create(&unfinished)?),
            options,
        )?;
        fs::rename(&unfinished, &path)?;
    }
    Ok(path)
}

/// The bytes of that file.
///
/// # Errors
///
/// When the file can be neither written nor read.
pub fn canonical_frames(messages: u64) -> io::Result<Vec<u8>> {
    fs::read(canonical_path(messages)?)
}

fn write_workload(mut out: impl Write, options: CanonicalOptions) -> io::Result<()> {
    for record in Canonical::new(options) {
        write_frame(&mut out, &record.frame())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use quipu_proto::frames::FramesReader;

    use super::*;

    #[test]
    fn the_workload_has_its_messages_and_is_made_once() {
        let path = canonical_path(2_000).unwrap();
        let made = fs::metadata(&path).unwrap().modified().unwrap();
        let frames = canonical_frames(2_000).unwrap();
        assert_eq!(FramesReader::new(&frames).filter(Result::is_ok).count(), 2_000);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made);
    }
}
