//! Messages appended to a frames file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use quipu_proto::frames::{Frame, write_frame};

use crate::producer::error::ProducerError;

use super::{FallbackFile, FileSync, Letter};

/// A frames file that is open for appending, and ends with a whole record.
///
/// Several producers, of one or of several processes, may append to one file: each holds it locked while it does.
#[derive(Debug)]
pub(super) struct FramesAppender {
    file: File,
    path: PathBuf,
    /// Where the file has to be cut before more is appended, after a write that failed.
    cut_at: Option<u64>,
    sync: FileSync,
}

impl FramesAppender {
    pub(super) fn open(options: &FallbackFile) -> Result<Self, ProducerError> {
        open(&options.path, options.sync).map_err(|error| ProducerError::FallbackFile {
            path: options.path.display().to_string(),
            reason: error.to_string(),
        })
    }

    /// Appends messages, all or none.
    pub(super) fn append(&mut self, letters: &[Letter]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for letter in letters {
            write_frame(
                &mut bytes,
                &Frame {
                    partition: letter
                        .partition
                        .and_then(|partition| u32::try_from(partition).ok())
                        .unwrap_or(0),
                    key: &letter.key,
                    payload: &letter.value,
                },
            )?;
        }
        self.file.lock()?;
        let appended = self.append_locked(&bytes);
        // Closing the file unlocks it, too.
        let _ = self.file.unlock();
        appended
    }

    fn append_locked(&mut self, bytes: &[u8]) -> io::Result<()> {
        // A record that is there by half would hide those behind it.
        if let Some(end) = self.cut_at {
            self.file.set_len(end)?;
            self.cut_at = None;
        }
        let end = self.file.seek(SeekFrom::End(0))?;
        let written = self.file.write_all(bytes).and_then(|()| match self.sync {
            FileSync::EachBatch => self.file.sync_data(),
            FileSync::System => Ok(()),
        });
        if written.is_err()
            && let Err(error) = self.file.set_len(end)
        {
            self.cut_at = Some(end);
            tracing::error!(path = %self.path.display(), %error, "the frames file may end inside a record");
        }
        written
    }
}

fn open(path: &Path, sync: FileSync) -> io::Result<FramesAppender> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    // So that what another one is writing is not taken for a record that was cut.
    file.lock()?;
    let length = file.metadata()?.len();
    let end = whole_records(&mut file, length)?;
    if end < length {
        let aside = put_aside(&mut file, path, end)?;
        tracing::warn!(path = %path.display(), aside = %aside.display(), bytes = length - end, "the frames file ended inside a record, which was moved aside");
    }
    file.unlock()?;
    Ok(FramesAppender {
        file,
        path: path.to_owned(),
        cut_at: None,
        sync,
    })
}

/// Where the last whole record ends.
fn whole_records(file: &mut File, length: u64) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let mut end = 0;
    while end < length {
        let Some(partition) = number(&mut reader)? else {
            break;
        };
        if i32::try_from(partition).is_err() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it is no frames file: partition {partition} at byte {end}; name another file"),
            ));
        }
        let Some(key) = number(&mut reader)? else { break };
        reader.seek_relative(i64::from(key))?;
        let Some(payload) = number(&mut reader)? else {
            break;
        };
        reader.seek_relative(i64::from(payload))?;
        let next = end + 12 + u64::from(key) + u64::from(payload);
        if next > length {
            break;
        }
        end = next;
    }
    Ok(end)
}

/// The next little-endian number; `None` where the file ends before it.
fn number(reader: &mut impl Read) -> io::Result<Option<u32>> {
    let mut bytes = [0; 4];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(u32::from_le_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Moves what lies behind `end` to a new file beside this one.
fn put_aside(file: &mut File, path: &Path, end: u64) -> io::Result<PathBuf> {
    file.seek(SeekFrom::Start(end))?;
    for number in 1_u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".cut-{number}"));
        let aside = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            Ok(mut to) => {
                io::copy(file, &mut to)?;
                to.flush()?;
                to.sync_all()?;
                file.set_len(end)?;
                return Ok(aside);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many files that were put aside"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::frames::FramesReader;

    use super::*;

    fn letter(value: &str) -> Letter {
        Letter::new(Some(3), b"thread", value.as_bytes(), "".into())
    }

    fn values(path: &Path) -> Vec<String> {
        let bytes = std::fs::read(path).unwrap();
        FramesReader::new(&bytes)
            .map(|frame| {
                let frame = frame.unwrap();
                assert_eq!((frame.partition, frame.key), (3, &b"thread"[..]));
                String::from_utf8(frame.payload.to_vec()).unwrap()
            })
            .collect()
    }

    #[test]
    fn what_is_appended_is_read_and_a_file_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let options = FallbackFile::new(folder.path().join("kept.frames"));
        let mut file = FramesAppender::open(&options).unwrap();
        file.append(&[letter("a"), letter("b")]).unwrap();
        drop(file);
        FramesAppender::open(&options)
            .unwrap()
            .append(&[letter("c")])
            .unwrap();
        assert_eq!(values(&options.path), ["a", "b", "c"]);
    }

    #[test]
    fn two_that_append_to_one_file_do_not_write_over_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let options = FallbackFile::new(folder.path().join("kept.frames"));
        let mut one = FramesAppender::open(&options).unwrap();
        let mut other = FramesAppender::open(&options).unwrap();
        one.append(&[letter("a")]).unwrap();
        other.append(&[letter("bcd")]).unwrap();
        one.append(&[letter("e")]).unwrap();
        assert_eq!(values(&options.path), ["a", "bcd", "e"]);
    }

    #[test]
    fn a_record_that_a_crash_has_cut_is_moved_aside_wherever_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let whole = FallbackFile::new(folder.path().join("whole.frames"));
        FramesAppender::open(&whole)
            .unwrap()
            .append(&[letter("a"), letter("bcd")])
            .unwrap();
        let bytes = std::fs::read(&whole.path).unwrap();
        let first = 12 + "thread".len() + 1;
        for cut in first + 1..bytes.len() {
            let options = FallbackFile::new(folder.path().join(format!("{cut}.frames")));
            std::fs::write(&options.path, &bytes[..cut]).unwrap();
            FramesAppender::open(&options)
                .unwrap()
                .append(&[letter("e")])
                .unwrap();
            assert_eq!(values(&options.path), ["a", "e"], "{cut}");
            let aside = folder.path().join(format!("{cut}.frames.cut-1"));
            assert_eq!(std::fs::read(aside).unwrap(), &bytes[first..cut]);
        }
    }

    #[test]
    fn a_foreign_file_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let options = FallbackFile::new(folder.path().join("notes.txt"));
        std::fs::write(&options.path, b"\xff\xff\xff\xff and more").unwrap();
        let error = FramesAppender::open(&options).unwrap_err().to_string();
        assert!(error.contains("no frames file"), "{error}");
        assert_eq!(
            std::fs::read(&options.path).unwrap(),
            b"\xff\xff\xff\xff and more"
        );
    }
}
