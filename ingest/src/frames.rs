//! Frames files as a source: a file is a topic of its own, its records have offsets by their order in each partition.

mod identity;
mod room;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hashbrown::HashMap;
use quipu_proto::frames::{Frame, FramesError, FramesReader};
use quipu_proto::{LogPartition, PartitionId, TopicIncarnation};
use quipu_store::Head;

use crate::error::{IngestError, Result};
use crate::pipeline::{PartitionSlot, PartitionStart, Pipeline};
use crate::progress::Progress;
use crate::raw::{RawHeaders, RawRecord};
use crate::stop::Stop;

use self::identity::identify;
pub(crate) use self::identity::sha256;
use self::room::Room;

/// A frames file and the topic it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramesFile {
    /// The file.
    pub path: PathBuf,
    /// Its topic.
    pub topic: String,
}

impl FramesFile {
    /// A file whose topic is named after it, without folder and extension.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let topic = path
            .file_stem()
            .map_or_else(|| "frames".to_owned(), |stem| stem.to_string_lossy().into_owned());
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

/// Largest frame. A record beyond the limit of Kafka records is a dead letter, but a row has to hold it.
const FRAME_BYTES_MAX: u64 = 256 << 20;

/// Takes a file in. Its incarnation is a hash of its content: taken in twice, it adds nothing the second time.
/// Returns early, without an error, when told to stop.
pub(crate) fn take_in(
    pipeline: &mut Pipeline,
    file: &FramesFile,
    stop: &Stop,
    progress: &Progress,
) -> Result<()> {
    let read_error = |source| IngestError::Read {
        path: file.path.clone(),
        source,
    };
    let mut source = File::open(&file.path).map_err(read_error)?;
    let before = Stamp::of(&source).map_err(read_error)?;
    let known = pipeline.stored().iter().map(|state| &state.log.log);
    let Some(log) = identify(&mut source, &file.topic, known, stop).map_err(read_error)? else {
        return Ok(());
    };
    let mut reader = Chunks {
        source,
        room: Room::default(),
        frames: 0,
        read: 0,
    };
    let mut partitions = Partitions {
        log,
        slots: HashMap::new(),
    };
    while !stop.is_raised() {
        if !reader.fill(&file.path)? {
            break;
        }
        reader.drain(&file.path, pipeline.lookahead(), |sight| match sight {
            Sight::Coming(frame) => {
                partitions.announce(pipeline, &frame);
                Ok(())
            }
            Sight::Here(frame) => partitions.push(pipeline, &frame),
        })?;
        pipeline.tell();
        progress.set_lag(i64::try_from(before.bytes.saturating_sub(reader.read)).unwrap_or(i64::MAX));
        if pipeline.flush_due() {
            pipeline.flush()?;
        }
        pipeline.attend()?;
    }
    let after = Stamp::of(&reader.source).map_err(read_error)?;
    if after != before {
        return Err(IngestError::Changed {
            path: file.path.clone(),
        });
    }
    Ok(())
}

/// Calls for each frame of a file, in its order, with the topic that it stands for and the number of its partition. `known`
/// are the lives of topics that the store has.
pub(crate) fn each_frame<'a>(
    file: &FramesFile,
    known: impl Iterator<Item = &'a TopicIncarnation> + Clone,
    mut see: impl FnMut(&TopicIncarnation, u32, &[u8]),
) -> Result<()> {
    let read_error = |source| IngestError::Read {
        path: file.path.clone(),
        source,
    };
    let mut source = File::open(&file.path).map_err(read_error)?;
    let before = Stamp::of(&source).map_err(read_error)?;
    let Some(log) = identify(&mut source, &file.topic, known, &Stop::default()).map_err(read_error)? else {
        return Ok(());
    };
    let mut reader = Chunks {
        source,
        room: Room::default(),
        frames: 0,
        read: 0,
    };
    while reader.fill(&file.path)? {
        reader.drain(&file.path, 0, |sight| {
            if let Sight::Here(frame) = sight {
                see(&log, frame.partition, frame.payload);
            }
            Ok(())
        })?;
    }
    if Stamp::of(&reader.source).map_err(read_error)? != before {
        return Err(IngestError::Changed {
            path: file.path.clone(),
        });
    }
    Ok(())
}

/// Length and time of change of a file.
#[derive(PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    pub(crate) fn of(file: &File) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

/// The partitions of a file, opened as they are met.
struct Partitions {
    log: TopicIncarnation,
    /// Slot and next offset.
    slots: HashMap<u32, (PartitionSlot, i64)>,
}

impl Partitions {
    /// Announces a frame of a partition that is open already.
    fn announce(&self, pipeline: &mut Pipeline, frame: &Frame<'_>) {
        if let Some((slot, _)) = self.slots.get(&frame.partition) {
            pipeline.announce(*slot, frame.key);
        }
    }

    fn push(&mut self, pipeline: &mut Pipeline, frame: &Frame<'_>) -> Result<()> {
        let partition = frame.partition;
        let (slot, next) = self.slots.entry(partition).or_insert_with(|| {
            let id = PartitionId(i32::try_from(partition).unwrap_or(i32::MAX));
            let log = LogPartition::new(self.log.clone(), id);
            let start = PartitionStart {
                start_offset: 0,
                log_start: 0,
                head: Head::FromOne,
            };
            (pipeline.open_partition(&log, start), 0)
        });
        let offset = *next;
        *next += 1;
        let record = RawRecord {
            offset,
            timestamp_ms: -1,
            key: Some(frame.key),
            value: Some(frame.payload),
            headers: RawHeaders::NONE,
        };
        pipeline.push(*slot, &record)?;
        if pipeline.flush_due_by_size() {
            pipeline.flush()?;
        }
        Ok(())
    }
}

/// What a reader of frames sees.
enum Sight<'a> {
    /// A frame that will be there soon.
    Coming(Frame<'a>),
    /// The next frame.
    Here(Frame<'a>),
}

/// A file read in pieces; a frame that a piece cuts is completed by the next.
struct Chunks {
    source: File,
    room: Room,
    frames: u64,
    /// Bytes read from the file.
    read: u64,
}

impl Chunks {
    /// Reads more. False at the end of the file, when nothing is left.
    fn fill(&mut self, path: &Path) -> Result<bool> {
        let kept = self.room.unused().len();
        let read = self
            .room
            .fill(&mut self.source)
            .map_err(|source| IngestError::Read {
                path: path.to_owned(),
                source,
            })?;
        self.read += read as u64;
        if read == 0 && kept > 0 {
            let position = self.read - kept as u64;
            let cut = FramesReader::new(self.room.unused()).next();
            let source = match cut {
                Some(Err(FramesError::Truncated { needed, left, .. })) => FramesError::Truncated {
                    frame: self.frames,
                    position,
                    needed,
                    left,
                },
                _ => FramesError::Truncated {
                    frame: self.frames,
                    position,
                    needed: 0,
                    left: kept as u64,
                },
            };
            return Err(IngestError::Frames {
                path: path.to_owned(),
                taken: self.frames,
                source,
            });
        }
        Ok(!self.room.unused().is_empty())
    }

    /// Hands on the whole frames that were read. Each comes into sight so many frames before it is there, if there are
    /// so many; never if that is 0. After an error the file is of no more use: it would hand on the same frames again.
    fn drain(
        &mut self,
        path: &Path,
        lookahead: usize,
        mut see: impl FnMut(Sight<'_>) -> Result<()>,
    ) -> Result<()> {
        let bytes = self.room.unused();
        let mut frames = FramesReader::new(bytes);
        let mut coming = (lookahead > 0).then(|| FramesReader::new(bytes));
        if let Some(coming) = &mut coming {
            for frame in coming.take(lookahead).flatten() {
                see(Sight::Coming(frame))?;
            }
        }
        // Up to here the bytes are used.
        let mut end = 0;
        loop {
            match frames.next() {
                Some(Ok(frame)) => {
                    if let Some(Ok(coming)) = coming.as_mut().and_then(Iterator::next) {
                        see(Sight::Coming(coming))?;
                    }
                    see(Sight::Here(frame))?;
                    self.frames += 1;
                    end = frames.position();
                }
                Some(Err(FramesError::Truncated { needed, .. })) if needed <= FRAME_BYTES_MAX => break,
                Some(Err(FramesError::Truncated { needed, .. })) => {
                    return Err(IngestError::FrameTooLarge {
                        path: path.to_owned(),
                        frame: self.frames,
                        bytes: needed,
                        limit: FRAME_BYTES_MAX,
                    });
                }
                Some(Err(FramesError::Partition { partition, .. })) => {
                    let position = self.read - (bytes.len() - end) as u64;
                    let source = FramesError::Partition {
                        frame: self.frames,
                        position,
                        partition,
                    };
                    return Err(IngestError::Frames {
                        path: path.to_owned(),
                        taken: self.frames,
                        source,
                    });
                }
                None => break,
            }
        }
        self.room.take(end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::frames::write_frame;

    use super::*;

    /// A file of several pieces whose ends cut frames.
    fn file(folder: &Path, frames: u32) -> PathBuf {
        let path = folder.join("pieces.frames");
        let mut bytes = Vec::new();
        for number in 0..frames {
            let frame = Frame {
                partition: 0,
                key: &number.to_le_bytes(),
                payload: &[7; 1_001],
            };
            write_frame(&mut bytes, &frame).unwrap();
        }
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn each_frame_comes_into_sight_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), 1_000);
        for lookahead in [0, 1, 8] {
            let mut reader = Chunks {
                source: File::open(&path).unwrap(),
                room: Room::default(),
                frames: 0,
                read: 0,
            };
            let (mut pieces, mut coming, mut here) = (0, 0, 0);
            let number = |frame: Frame<'_>| u32::from_le_bytes(frame.key.try_into().unwrap());
            while reader.fill(&path).unwrap() {
                pieces += 1;
                reader
                    .drain(&path, lookahead, |sight| {
                        match sight {
                            Sight::Coming(frame) => {
                                assert_eq!(number(frame), coming);
                                coming += 1;
                                assert!(coming <= here + lookahead as u32 + 1, "not too early");
                            }
                            Sight::Here(frame) => {
                                assert_eq!(number(frame), here);
                                here += 1;
                                assert!(lookahead == 0 || coming >= here, "not too late");
                            }
                        }
                        Ok(())
                    })
                    .unwrap();
            }
            assert!(pieces > 2, "{pieces} pieces");
            assert_eq!((here, coming), (1_000, if lookahead > 0 { 1_000 } else { 0 }));
        }
    }
}
