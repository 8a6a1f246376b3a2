//! Taking in letters that other programs wrote: JSON lines from files, values from a Kafka topic.
//!
//! Each becomes a dead letter here, so that it can be looked at and retried like our own. Its place is that of the letter
//! itself, not of the record that it tells of: a topic of letters is a log like any other, and a file is one by its
//! SHA-256. So nothing is taken in twice, and the account of offsets holds. A record that is no letter is kept whole as
//! one.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quipu_proto::{Decoder, LogPartition, PartitionId, Policy, TopicIncarnation};
use quipu_store::Head;

use crate::dead_letters::foreign::{self, ForeignLetter};
use crate::error::{IngestError, Result};
use crate::frames::{Stamp, sha256};
use crate::notices::Notice;
use crate::pipeline::{PartitionSlot, PartitionStart, Pipeline, PipelineOptions};
use crate::progress::{Progress, ProgressCounts};
use crate::raw::{RawHeaders, RawRecord};
use crate::run::{KafkaRunOptions, Taking, follow_kafka};
use crate::stop::Stop;

/// Longest line of a file of letters, in bytes: a letter with the largest record in base64 is shorter.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// A file of letters, one JSON object a line, and the topic it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LettersFile {
    /// The file.
    pub path: PathBuf,
    /// Its topic.
    pub topic: String,
}

impl LettersFile {
    /// A file whose topic is named after it, without folder and extension.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let topic = path.file_stem().map_or_else(
            || "letters".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        );
        Self { path, topic }
    }

    /// The same file as another topic.
    #[must_use]
    pub fn with_topic(self, topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            ..self
        }
    }
}

/// Takes files of letters in, one after the other. The counters tell them as dead letters.
///
/// # Errors
/// The store, a file that cannot be read. What was committed before stays.
pub fn import_files(
    store: impl AsRef<Path>,
    files: &[LettersFile],
    options: PipelineOptions,
    stop: &Stop,
    progress: &Arc<Progress>,
) -> Result<ProgressCounts> {
    let mut pipeline = Pipeline::open(store, options, Arc::clone(progress))?;
    for file in files {
        if let Err(error) = take_in(&mut pipeline, file, stop) {
            return Err(pipeline.close_after(error));
        }
    }
    pipeline.close()?;
    Ok(progress.counts())
}

/// Follows Kafka topics of letters into a store, as [`ingest_kafka`](crate::ingest_kafka) follows topics of messages.
///
/// # Errors
/// As that.
pub fn import_kafka(
    store: impl AsRef<Path>,
    options: KafkaRunOptions,
    stop: &Stop,
    progress: &Arc<Progress>,
    notify: impl FnMut(Notice),
) -> Result<ProgressCounts> {
    let taking = Taking::Letters(Box::default());
    follow_kafka(store.as_ref(), options, taking, stop, progress, notify)
}

/// Takes records in whose values are letters.
#[derive(Debug)]
pub(crate) struct LetterIntake {
    decoder: Decoder,
}

impl Default for LetterIntake {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(Policy::Strict),
        }
    }
}

impl LetterIntake {
    pub(crate) fn take(
        &mut self,
        pipeline: &mut Pipeline,
        slot: PartitionSlot,
        record: &RawRecord<'_>,
    ) -> Result<()> {
        match record.value.and_then(ForeignLetter::parse) {
            Some(letter) => {
                let (payload, rejection) = letter.into_kept(&mut self.decoder);
                pipeline.push_letter(slot, record, payload.as_deref(), &rejection)?;
            }
            None => {
                let rejection = foreign::judge(
                    &mut self.decoder,
                    record.value,
                    "not a letter of a form known here",
                );
                pipeline.push_letter(slot, record, record.value, &rejection)?;
            }
        }
        if pipeline.flush_due_by_size() {
            pipeline.flush()?;
        }
        Ok(())
    }
}

/// Takes a file in, as partition 0 of its topic. Returns early, without an error, when told to stop.
fn take_in(pipeline: &mut Pipeline, file: &LettersFile, stop: &Stop) -> Result<()> {
    let read_error = |source| IngestError::Read {
        path: file.path.clone(),
        source,
    };
    let mut source = File::open(&file.path).map_err(read_error)?;
    let before = Stamp::of(&source).map_err(read_error)?;
    let Some(sha256) = sha256(&mut source, stop).map_err(read_error)? else {
        return Ok(());
    };
    source.seek(SeekFrom::Start(0)).map_err(read_error)?;
    let log = TopicIncarnation::new(file.topic.as_str(), sha256);
    let start = PartitionStart {
        start_offset: 0,
        log_start: 0,
        head: Head::FromOne,
    };
    let slot = pipeline.open_partition(&LogPartition::new(log, PartitionId(0)), start);
    let mut reader = BufReader::new(source);
    let mut intake = LetterIntake::default();
    let mut line = Vec::new();
    let (mut offset, mut lines) = (0, 0);
    while !stop.is_raised() {
        line.clear();
        let read = (&mut reader)
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut line)
            .map_err(read_error)?;
        if read == 0 {
            break;
        }
        lines += 1;
        if read as u64 > LINE_BYTES_MAX {
            return Err(IngestError::LineTooLong {
                path: file.path.clone(),
                line: lines,
                limit: LINE_BYTES_MAX,
            });
        }
        let value = line.trim_ascii();
        if value.is_empty() {
            continue;
        }
        let record = RawRecord {
            offset,
            timestamp_ms: -1,
            key: None,
            value: Some(value),
            headers: RawHeaders::NONE,
        };
        intake.take(pipeline, slot, &record)?;
        pipeline.attend()?;
        offset += 1;
    }
    let after = Stamp::of(reader.get_ref()).map_err(read_error)?;
    if after != before {
        return Err(IngestError::Changed {
            path: file.path.clone(),
        });
    }
    Ok(())
}
