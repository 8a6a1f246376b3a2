//! The fixed head of a batch, and where batches begin and end.

use std::fmt;

use super::error::{BatchError, BatchFault};

/// Base offset and length field: what stands before the bytes that the length field counts.
const PREFIX_BYTES: usize = 12;
/// Bytes before the records of a batch of format 2.
pub(super) const HEADER_BYTES: usize = 61;
/// Least value of the length field in format 2: the header without the prefix.
const LENGTH_MIN: i32 = (HEADER_BYTES - PREFIX_BYTES) as i32;
/// Least value of the length field in formats 0 and 1: CRC, magic, attributes, two lengths.
const OLD_LENGTH_MIN: i32 = 14;
/// Position of the magic byte, the same in all formats.
const MAGIC_AT: usize = 16;
/// Where the checksummed part of a batch of format 2 begins.
const CHECKED_FROM: usize = 21;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy, raw or in the framing of the Java library (`xerial`).
    Snappy,
    /// LZ4 frame format.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

/// The fields of a batch header (format 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record, kept by compaction even when that record is gone.
    pub base_offset: i64,
    /// Epoch of the leader that appended the batch, -1 = unknown.
    pub leader_epoch: i32,
    /// CRC-32C as stored.
    pub checksum: u32,
    /// The attribute bits.
    pub attributes: i16,
    /// Last offset less base offset.
    pub last_offset_delta: i32,
    /// Milliseconds that the records' time deltas count from.
    pub base_timestamp_ms: i64,
    /// Largest time of the records in milliseconds, or the append time.
    pub max_timestamp_ms: i64,
    /// The producer's id, -1 = neither idempotent nor transactional.
    pub producer_id: i64,
    /// Number of records.
    pub record_count: i32,
}

impl BatchHeader {
    fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        fn at<const N: usize>(bytes: &[u8; HEADER_BYTES], from: usize) -> [u8; N] {
            let mut field = [0; N];
            field.copy_from_slice(&bytes[from..from + N]);
            field
        }
        Self {
            base_offset: i64::from_be_bytes(at(bytes, 0)),
            leader_epoch: i32::from_be_bytes(at(bytes, 12)),
            checksum: u32::from_be_bytes(at(bytes, 17)),
            attributes: i16::from_be_bytes(at(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(at(bytes, 23)),
            base_timestamp_ms: i64::from_be_bytes(at(bytes, 27)),
            max_timestamp_ms: i64::from_be_bytes(at(bytes, 35)),
            producer_id: i64::from_be_bytes(at(bytes, 43)),
            record_count: i32::from_be_bytes(at(bytes, 57)),
        }
    }

    /// The codec of the records, or the number that no codec has.
    pub fn codec(&self) -> Result<Codec, u8> {
        match self.attributes & 0x07 {
            0 => Ok(Codec::None),
            1 => Ok(Codec::Gzip),
            2 => Ok(Codec::Snappy),
            3 => Ok(Codec::Lz4),
            4 => Ok(Codec::Zstd),
            other => Err(other as u8),
        }
    }

    /// Whether the broker's append time stands for the time of each record.
    #[must_use]
    pub fn has_append_time(&self) -> bool {
        self.attributes & 0x08 != 0
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }

    /// Whether the batch holds a marker instead of records.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }

    /// Offset of the last record of the batch.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }
}

/// What lies at one place of the bytes of a fetch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    /// A batch of format 2 with a header that makes sense. Its checksum is not checked yet.
    Batch { header: BatchHeader, bytes: &'a [u8] },
    /// A message of format 0 or 1 with a right checksum; `last_offset` is its only, or its last inner offset.
    Old {
        magic: i8,
        last_offset: i64,
        bytes: &'a [u8],
    },
}

impl Entry<'_> {
    pub(super) fn last_offset(&self) -> i64 {
        match self {
            Self::Batch { header, .. } => header.last_offset(),
            Self::Old { last_offset, .. } => *last_offset,
        }
    }

    pub(super) fn length(&self) -> usize {
        match self {
            Self::Batch { bytes, .. } | Self::Old { bytes, .. } => bytes.len(),
        }
    }
}

/// The batches of a fetch one after the other, with the checks that decide whether the next one can be found at all.
///
/// Source and pipeline both go through here, so that both come to the same next offset.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
    /// Next offset to read.
    position: i64,
    high_watermark: i64,
    /// Only the first batch of a fetch may begin before the position.
    first: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(bytes: &'a [u8], position: i64, high_watermark: i64) -> Self {
        Self {
            bytes,
            position,
            high_watermark,
            first: true,
        }
    }

    /// The bytes from the next batch on.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next batch; `None` at the end, where a truncated batch may still lie (it is fetched again).
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry<'a>>, BatchError> {
        let Some(magic) = self.bytes.get(MAGIC_AT).map(|byte| *byte as i8) else {
            return Ok(None);
        };
        let mut base_offset = [0; 8];
        base_offset.copy_from_slice(&self.bytes[..8]);
        let base_offset = i64::from_be_bytes(base_offset);
        let mut length = [0; 4];
        length.copy_from_slice(&self.bytes[8..PREFIX_BYTES]);
        let length = i32::from_be_bytes(length);
        let unreadable = |fault| BatchError {
            base_offset,
            last_offset: None,
            fault,
        };

        let minimum = match magic {
            0 | 1 => OLD_LENGTH_MIN,
            2 => LENGTH_MIN,
            _ => return Err(unreadable(BatchFault::UnknownFormat { magic })),
        };
        if length < minimum {
            return Err(unreadable(BatchFault::Length { length, minimum }));
        }
        let Some((bytes, rest)) = self.bytes.split_at_checked(PREFIX_BYTES + length as usize) else {
            return Ok(None);
        };
        let entry = match bytes.first_chunk::<HEADER_BYTES>() {
            Some(head) if magic == 2 => Entry::Batch {
                header: BatchHeader::read(head),
                bytes,
            },
            _ => {
                // Nothing but its checksum tells an old message from a damaged magic byte.
                let mut stored = [0; 4];
                stored.copy_from_slice(&bytes[PREFIX_BYTES..MAGIC_AT]);
                let stored = u32::from_be_bytes(stored);
                let mut crc = flate2::Crc::new();
                crc.update(&bytes[MAGIC_AT..]);
                if crc.sum() != stored {
                    return Err(unreadable(BatchFault::Checksum {
                        stored,
                        computed: crc.sum(),
                    }));
                }
                Entry::Old {
                    magic,
                    last_offset: base_offset,
                    bytes,
                }
            }
        };

        if let Entry::Batch { header, .. } = &entry {
            let delta = header.last_offset_delta;
            if base_offset < 0
                || delta < 0
                || base_offset
                    .checked_add(i64::from(delta))
                    .is_none_or(|last| last == i64::MAX)
            {
                return Err(unreadable(BatchFault::Offsets {
                    base_offset,
                    last_offset_delta: delta,
                }));
            }
            if !self.first && base_offset < self.position {
                return Err(unreadable(BatchFault::Backwards {
                    position: self.position,
                }));
            }
        }
        let last = entry.last_offset();
        if last < self.position {
            return Err(unreadable(BatchFault::Backwards {
                position: self.position,
            }));
        }
        if last >= self.high_watermark {
            return Err(unreadable(BatchFault::AboveHighWatermark {
                high_watermark: self.high_watermark,
            }));
        }
        self.bytes = rest;
        self.position = last + 1;
        self.first = false;
        Ok(Some(entry))
    }
}

/// The checksum of a batch as its bytes give it.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes.get(CHECKED_FROM..).unwrap_or_default())
}

/// What a look at headers and checksums tells about the bytes of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Offset after the last whole batch.
    pub(crate) next_offset: i64,
    /// Leader epoch of the last whole batch, -1 = unknown.
    pub(crate) leader_epoch: i32,
    /// Bytes of the whole batches.
    pub(crate) whole_bytes: usize,
    /// Why nothing can be read behind `next_offset`.
    pub(crate) stop: Option<BatchError>,
    /// Where each leader epoch begins among the whole batches; -1 = unknown.
    pub(crate) epochs: Vec<(i32, i64)>,
    /// What lies before the first damaged one among the whole batches, if there is one.
    pub(crate) sound: Option<Sound>,
}

/// The batches of a fetch before the first damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sound {
    /// Offset after them.
    pub(crate) next_offset: i64,
    /// Their bytes.
    pub(crate) bytes: usize,
    /// What is wrong with the next one.
    pub(crate) damage: &'static str,
}

impl Scan {
    /// The scan of the sound batches alone.
    pub(crate) fn sound_part(mut self) -> Self {
        if let Some(sound) = self.sound {
            self.next_offset = sound.next_offset;
            self.whole_bytes = sound.bytes;
            self.epochs.retain(|(_, from)| *from < sound.next_offset);
            self.leader_epoch = self.epochs.last().map_or(-1, |(epoch, _)| *epoch);
            self.stop = None;
        }
        self
    }

    /// Takes note of one batch, of which all before it is known.
    fn take(&mut self, header: &BatchHeader, bytes: &[u8], leader_epoch_max: i32) {
        // The epoch stands outside of the checksum; no batch can have one that its leader has not come to.
        let odd_epoch = leader_epoch_max >= 0 && header.leader_epoch > leader_epoch_max;
        let damage = if checksum(bytes) != header.checksum {
            Some("its checksum is wrong")
        } else {
            odd_epoch.then_some("its epoch is above that of the leader")
        };
        if let (Some(damage), None) = (damage, self.sound) {
            self.sound = Some(Sound {
                next_offset: self.next_offset,
                bytes: self.whole_bytes,
                damage,
            });
        }
        self.leader_epoch = if odd_epoch { -1 } else { header.leader_epoch };
        if self.epochs.last().map(|(epoch, _)| *epoch) != Some(self.leader_epoch) {
            self.epochs.push((self.leader_epoch, header.base_offset));
        }
    }
}

/// Finds how far a fetch carries the position, from headers alone, and which batches are damaged. No batch may have an
/// epoch above `leader_epoch_max`, -1 = unknown.
pub(crate) fn scan(bytes: &[u8], position: i64, high_watermark: i64, leader_epoch_max: i32) -> Scan {
    let mut entries = Entries::new(bytes, position, high_watermark);
    let mut scan = Scan {
        next_offset: position,
        leader_epoch: -1,
        whole_bytes: 0,
        stop: None,
        epochs: Vec::new(),
        sound: None,
    };
    loop {
        match entries.next_entry() {
            Ok(None) => return scan,
            Ok(Some(entry)) => {
                if let Entry::Batch { header, bytes } = &entry {
                    scan.take(header, bytes, leader_epoch_max);
                }
                scan.next_offset = entry.last_offset() + 1;
                scan.whole_bytes += entry.length();
            }
            Err(error) => {
                scan.stop = Some(error);
                return scan;
            }
        }
    }
}
