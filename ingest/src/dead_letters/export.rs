//! Letters out of a store: their payloads as files, JSON lines, or a frames file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use quipu_proto::frames::{Frame, write_frame};
use quipu_store::Snapshot;

use crate::clock::now_us;
use crate::dead_letters::form::library_letter;
use crate::dead_letters::{Letter, LetterChoice, LetterIndex, ServerLetter};
use crate::error::{IngestError, Result};

/// How letters are written to one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportForm {
    /// JSON lines in the form of the streaming library, as `consumer_id` tells of them. It cuts payloads above
    /// [`INCLUDED_BYTES_MAX`](crate::dead_letters::INCLUDED_BYTES_MAX).
    Library {
        /// Whose letters they are said to be.
        consumer_id: String,
    },
    /// JSON lines in the form of the web server, with whole payloads.
    Server,
    /// A frames file of the payloads under their keys and partitions. A letter without a payload is left out.
    Frames,
}

/// What an export wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Letters written.
    pub written: u64,
    /// Letters left out, as they have no payload.
    pub without_payload: u64,
}

/// Writes letters of a snapshot to one stream, in the order of their places.
///
/// # Errors
/// A segment that cannot be read; the stream.
pub fn export(
    snapshot: &Snapshot,
    choice: &LetterChoice,
    form: &ExportForm,
    out: &mut impl Write,
) -> Result<ExportReport> {
    let mut report = ExportReport::default();
    for letters in LetterIndex::read(snapshot)?.letters(choice) {
        for letter in letters? {
            let written = match form {
                ExportForm::Library { consumer_id } => {
                    let line = library_letter(&letter, consumer_id, now_us()).to_json();
                    writeln!(out, "{line}").map(|()| true)
                }
                ExportForm::Server => {
                    let line = ServerLetter::new(&letter, report.written + 1, now_us()).to_json();
                    writeln!(out, "{line}").map(|()| true)
                }
                ExportForm::Frames => frame(&letter, out),
            };
            report.count(written.map_err(IngestError::Export)?);
        }
    }
    out.flush().map_err(IngestError::Export)?;
    Ok(report)
}

fn frame(letter: &Letter, out: &mut impl Write) -> io::Result<bool> {
    let Some(payload) = &letter.payload else {
        return Ok(false);
    };
    let frame = Frame {
        partition: u32::try_from(letter.place.log.partition.0).unwrap_or(0),
        key: letter.key.as_deref().unwrap_or_default(),
        payload,
    };
    write_frame(out, &frame).map(|()| true)
}

impl ExportReport {
    fn count(&mut self, written: bool) {
        if written {
            self.written += 1;
        } else {
            self.without_payload += 1;
        }
    }
}

/// Writes the payload of each letter to a file of its own, named
/// `<topic>-<first 12 characters of the incarnation>-<partition>-<offset>.payload`. Makes the folder; replaces no file.
///
/// # Errors
/// A segment that cannot be read; a file that cannot be made, or is there already.
pub fn export_payloads(snapshot: &Snapshot, choice: &LetterChoice, folder: &Path) -> Result<ExportReport> {
    let write_error = |path: &Path, source| IngestError::Write {
        path: path.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(|source| write_error(folder, source))?;
    let mut report = ExportReport::default();
    for letters in LetterIndex::read(snapshot)?.letters(choice) {
        for letter in letters? {
            if let Some(payload) = &letter.payload {
                let path = folder.join(file_name(&letter));
                File::create_new(&path)
                    .and_then(|mut file| file.write_all(payload))
                    .map_err(|source| write_error(&path, source))?;
            }
            report.count(letter.payload.is_some());
        }
    }
    Ok(report)
}

fn file_name(letter: &Letter) -> String {
    // A topic of Kafka is made of these characters; one that is named after a file may have others.
    let plain = |text: &str| -> String {
        let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        text.chars().map(|c| if keep(c) { c } else { '_' }).collect()
    };
    let log = &letter.place.log;
    let incarnation: String = log.log.incarnation.chars().take(12).collect();
    format!(
        "{}-{}-{}-{}.payload",
        plain(&log.log.topic),
        plain(&incarnation),
        log.partition,
        letter.place.offset
    )
}
