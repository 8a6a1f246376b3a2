//! What can be wrong with a batch.

use std::fmt;

use thiserror::Error;

use super::header::Codec;

/// A batch that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct BatchError {
    /// First offset that the batch claims, as far as its header can be read.
    pub base_offset: i64,
    /// Last offset of the batch; `None` where the header does not let it be told, so that nothing behind the batch can
    /// be read without losing count.
    pub last_offset: Option<i64>,
    /// What is wrong with it.
    pub fault: BatchFault,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last_offset {
            Some(last) => write!(
                f,
                "record batch of offsets {} to {last}: {}",
                self.base_offset, self.fault
            ),
            None => write!(
                f,
                "record batch that claims to begin at offset {}: {}",
                self.base_offset, self.fault
            ),
        }
    }
}

/// The reason why a batch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchFault {
    /// The length field is below the size of the header.
    #[error("its length field says {length} bytes, the least is {minimum}")]
    Length {
        /// Value of the length field.
        length: i32,
        /// The least that a batch of this format can have.
        minimum: i32,
    },
    /// A batch that is longer than anything the reader takes.
    #[error(
        "its length field says more than what the broker sent, or than the {limit} bytes that a response may have"
    )]
    LongerThanResponse {
        /// Largest response in bytes.
        limit: usize,
    },
    /// A format before Kafka 0.11, which brokers since 4.0 do not serve any more.
    #[error(
        "it has the old message format {magic}, only format 2 is read; have the broker convert or expire it"
    )]
    OldFormat {
        /// The format number: 0 or 1.
        magic: i8,
    },
    /// A format that does not exist.
    #[error("it has the unknown format {magic}, only format 2 is read")]
    UnknownFormat {
        /// The format number.
        magic: i8,
    },
    /// The offsets of the header cannot be.
    #[error("its header says base offset {base_offset} and last offset delta {last_offset_delta}")]
    Offsets {
        /// Base offset of the header.
        base_offset: i64,
        /// Last offset delta of the header.
        last_offset_delta: i32,
    },
    /// The batch begins or ends before what was already read.
    #[error("it lies before offset {position}, up to which the partition was already read")]
    Backwards {
        /// The next offset to read.
        position: i64,
    },
    /// The batch ends above what the broker says is readable.
    #[error("it ends above the high watermark {high_watermark}")]
    AboveHighWatermark {
        /// High watermark of the same response.
        high_watermark: i64,
    },
    /// The checksum does not fit the bytes.
    #[error("its checksum is {stored:08x}, its bytes give {computed:08x}")]
    Checksum {
        /// CRC-32C of the header (CRC-32 for formats 0 and 1).
        stored: u32,
        /// CRC-32C of the bytes (CRC-32 for formats 0 and 1).
        computed: u32,
    },
    /// A codec number without meaning.
    #[error("it names the unknown codec {codec}")]
    UnknownCodec {
        /// Bits 0 to 2 of the attributes.
        codec: u8,
    },
    /// The codec refused the bytes.
    #[error("its {codec} data cannot be decompressed: {reason}")]
    Decompression {
        /// The codec of the batch.
        codec: Codec,
        /// What the codec says.
        reason: String,
    },
    /// The records expand beyond the limit.
    #[error("its {compressed} bytes of {codec} data expand to more than {limit} bytes")]
    ExpansionLimit {
        /// The codec of the batch.
        codec: Codec,
        /// Compressed size in bytes.
        compressed: usize,
        /// Limit in bytes for a batch of this size.
        limit: usize,
    },
    /// The header counts more records than it has offsets.
    #[error("its header counts {count} records in {offsets} offsets")]
    RecordCount {
        /// Record count of the header.
        count: i32,
        /// Offsets that the header spans.
        offsets: i64,
    },
    /// A record inside is malformed.
    #[error("record {index} of {count}: {reason}")]
    Record {
        /// Number of the record in the batch, from 0.
        index: i32,
        /// Records the header counts.
        count: i32,
        /// What is wrong.
        reason: &'static str,
    },
    /// Bytes are left after the last record.
    #[error("{bytes} bytes are left after its last record")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
}
