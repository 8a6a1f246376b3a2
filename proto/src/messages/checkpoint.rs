//! Checkpoint: a whole state.

use arrow_array::ArrayRef;

use arrow_array::types::{Float32Type, UInt64Type};

use crate::columns::{
    BytesColumn, Columns, CommonColumns, FlagColumn, NumberColumn, PlainColumn, TextColumn,
};
use crate::enums;
use crate::error::Rejection;
use crate::header::Header;
use crate::json;
use crate::maps::{self, Entries, Entry, TextValue};
use crate::messages::RowContext;
use crate::scratch::{Scratch, Span};
use crate::state;
use crate::wire::{Cursor, Depth};

/// A Checkpoint, borrowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckpointView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// The id that later diffs name as their base.
    pub checkpoint_id: &'a [u8],
    /// The state.
    pub state: CheckpointState<'a>,
    /// Bytes of the state as sent.
    pub sent_bytes: usize,
    /// Type of the state in the producer's language.
    pub state_type: &'a str,
    /// SHA-256 of the uncompressed state.
    pub checksum: &'a [u8],
    /// Whether the checksum is that of the state; unknown without a checksum or without the uncompressed state.
    pub checksum_ok: Option<bool>,
    /// Where the state is stored, if not here.
    pub storage_uri: &'a str,
    /// How the state was compressed.
    pub compression_info: Option<CompressionInfo>,
    /// Metadata as a JSON object of texts.
    pub metadata: Option<Span>,
}

/// The state of a checkpoint as far as it could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum CheckpointState<'a> {
    /// No bytes.
    #[default]
    Empty,
    /// JSON text, decompressed.
    Json(Span),
    /// The bytes as they were sent: not JSON, or not to be decompressed.
    Bytes(&'a [u8]),
}

/// How a state was compressed, as the producer says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CompressionInfo {
    /// `CompressionType` number.
    pub compression: i32,
    /// Bytes as sent.
    pub compressed_bytes: u64,
    /// Bytes of the state itself.
    pub uncompressed_bytes: u64,
    /// Uncompressed by compressed.
    pub ratio: f32,
}

impl CompressionInfo {
    fn merge(
        info: &mut Option<Self>,
        bytes: &[u8],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let info = info.get_or_insert_default();
        let mut cursor = Cursor::new(bytes);
        while let Some(tag) = cursor.tag()? {
            match tag.number {
                1 => info.compression = cursor.enumeration(tag)?,
                2 => info.compressed_bytes = cursor.uint64(tag)?,
                3 => info.uncompressed_bytes = cursor.uint64(tag)?,
                4 => info.ratio = cursor.float(tag)?,
                _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
            }
        }
        Ok(())
    }
}

impl<'a> CheckpointView<'a> {
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let mut state: &[u8] = &[];
        let mut metadata = Entries::<TextValue<'a>>::new();
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.checkpoint_id = cursor.bytes(tag)?,
                    3 => state = cursor.bytes(tag)?,
                    4 => self.state_type = cursor.text(tag)?,
                    5 => self.checksum = cursor.bytes(tag)?,
                    6 => self.storage_uri = cursor.text(tag)?,
                    7 => CompressionInfo::merge(
                        &mut self.compression_info,
                        cursor.bytes(tag)?,
                        depth,
                        scratch,
                    )?,
                    8 => metadata.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?),
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        self.metadata = maps::compose(&mut metadata, scratch)?;
        self.read_state(state, scratch);
        Ok(())
    }

    /// Decompresses and checks the state. A state that cannot be read is kept as it was sent: the message is whole
    /// even when its cargo is not.
    fn read_state(&mut self, sent: &'a [u8], scratch: &mut Scratch) {
        // A producer could repeat states that expand a thousandfold: only the one that stays is worth the time.
        if sent.is_empty() || scratch.discarding {
            return;
        }
        self.sent_bytes = sent.len();
        self.state = CheckpointState::Bytes(sent);
        if scratch.for_display {
            return;
        }
        let compression = self.compression_info.map_or(0, |info| info.compression);
        let mut buffer = Vec::new();
        let Ok(plain) = state::expanded(sent, compression, &mut buffer) else {
            return;
        };
        self.checksum_ok = state::is_checksum_of(self.checksum, plain);
        if let Some(text) = json::as_json(plain) {
            let start = scratch.mark();
            scratch.text.extend_from_slice(text.as_bytes());
            self.state = CheckpointState::Json(scratch.span_from(start));
        }
    }
}

/// The columns of `checkpoints`.
#[derive(Debug)]
pub(crate) struct CheckpointColumns {
    pub(crate) common: CommonColumns,
    checkpoint_id: BytesColumn,
    state: TextColumn,
    state_bytes: BytesColumn,
    state_type: TextColumn,
    checksum: BytesColumn,
    checksum_ok: FlagColumn,
    storage_uri: TextColumn,
    state_compression: NumberColumn,
    compressed_bytes: PlainColumn<UInt64Type>,
    uncompressed_bytes: PlainColumn<UInt64Type>,
    compression_ratio: PlainColumn<Float32Type>,
    metadata: TextColumn,
}

impl CheckpointColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            checkpoint_id: BytesColumn::default(),
            state: TextColumn::default(),
            state_bytes: BytesColumn::default(),
            state_type: TextColumn::default(),
            checksum: BytesColumn::default(),
            checksum_ok: FlagColumn::default(),
            storage_uri: TextColumn::default(),
            state_compression: NumberColumn::new(enums::compression_type),
            compressed_bytes: PlainColumn::default(),
            uncompressed_bytes: PlainColumn::default(),
            compression_ratio: PlainColumn::default(),
            metadata: TextColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &CheckpointView<'_>) {
        let at = self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.checkpoint_id.set(at, view.checkpoint_id);
        let (state, state_bytes) = match view.state {
            CheckpointState::Empty => (None, None),
            CheckpointState::Json(span) => (Some(row.composed.get(span)), None),
            CheckpointState::Bytes(bytes) => (None, Some(bytes)),
        };
        self.state.set_option(at, state);
        self.state_bytes.set_option(at, state_bytes);
        self.state_type.set(at, view.state_type);
        self.checksum.set(at, view.checksum);
        self.checksum_ok.set_option(at, view.checksum_ok);
        self.storage_uri.set(at, view.storage_uri);
        self.state_compression
            .set_option(at, view.compression_info.map(|info| info.compression));
        self.compressed_bytes
            .set_option(at, view.compression_info.map(|info| info.compressed_bytes));
        self.uncompressed_bytes
            .set_option(at, view.compression_info.map(|info| info.uncompressed_bytes));
        self.compression_ratio
            .set_option(at, view.compression_info.map(|info| info.ratio));
        self.metadata
            .set_option(at, view.metadata.map(|span| row.composed.get(span)));
    }
}

impl Columns for CheckpointColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.checkpoint_id.finish(rows),
            self.state.finish(rows),
            self.state_bytes.finish(rows),
            self.state_type.finish(rows),
            self.checksum.finish(rows),
            self.checksum_ok.finish(rows),
            self.storage_uri.finish(rows),
            self.state_compression.finish_rows(rows),
            self.compressed_bytes.finish(rows),
            self.uncompressed_bytes.finish(rows),
            self.compression_ratio.finish(rows),
            self.metadata.finish(rows),
        ])
    }
}
