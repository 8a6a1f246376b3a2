//! TokenChunk: a piece of a model's answer while it is generated.

use arrow_array::ArrayRef;

use arrow_array::types::{Float32Type, Int64Type, UInt32Type};

use crate::columns::{
    Columns, CommonColumns, FlagColumn, FullColumn, ListColumn, NumberColumn, PlainColumn, TextColumn,
};
use crate::enums;
use crate::error::Rejection;
use crate::header::Header;
use crate::messages::RowContext;
use crate::scratch::Scratch;
use crate::wire::{Cursor, Depth};

/// A TokenChunk, borrowed but for its number lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenChunkView<'a> {
    /// The header, if there is one.
    pub header: Option<Header<'a>>,
    /// The LLM request that the chunk answers.
    pub request_id: &'a str,
    /// The text.
    pub text: &'a str,
    /// Token ids of the text.
    pub token_ids: Vec<u32>,
    /// Log probabilities of the tokens.
    pub logprobs: Vec<f32>,
    /// Position of the chunk in its stream, from 0.
    pub chunk_index: u32,
    /// Whether it is the last of its stream.
    pub is_final: bool,
    /// `FinishReason` number.
    pub finish_reason: i32,
    /// The model.
    pub model: &'a str,
    /// Token counts, usually on the last chunk only.
    pub stats: Option<TokenStats>,
}

/// Token counts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenStats {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
    /// Both together, as the producer counted.
    pub total_tokens: u32,
}

impl TokenStats {
    fn merge(
        stats: &mut Option<Self>,
        bytes: &[u8],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let stats = stats.get_or_insert_default();
        let mut cursor = Cursor::new(bytes);
        while let Some(tag) = cursor.tag()? {
            match tag.number {
                1 => stats.prompt_tokens = cursor.uint32(tag)?,
                2 => stats.completion_tokens = cursor.uint32(tag)?,
                3 => stats.total_tokens = cursor.uint32(tag)?,
                _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
            }
        }
        Ok(())
    }
}

impl<'a> TokenChunkView<'a> {
    pub(crate) fn read(
        &mut self,
        chunks: &[&'a [u8]],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                match tag.number {
                    1 => Header::merge(&mut self.header, cursor.bytes(tag)?, depth, scratch)?,
                    2 => self.request_id = cursor.text(tag)?,
                    3 => self.text = cursor.text(tag)?,
                    4 => cursor.repeated_uint32(tag, &mut self.token_ids)?,
                    5 => cursor.repeated_float(tag, &mut self.logprobs)?,
                    6 => self.chunk_index = cursor.uint32(tag)?,
                    7 => self.is_final = cursor.boolean(tag)?,
                    8 => self.finish_reason = cursor.enumeration(tag)?,
                    9 => self.model = cursor.text(tag)?,
                    10 => TokenStats::merge(&mut self.stats, cursor.bytes(tag)?, depth, scratch)?,
                    _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
                }
            }
        }
        Ok(())
    }
}

/// The columns of `token_chunks`.
#[derive(Debug)]
pub(crate) struct TokenChunkColumns {
    pub(crate) common: CommonColumns,
    request_id: TextColumn,
    text: TextColumn,
    chunk_index: FullColumn<Int64Type>,
    is_final: FlagColumn,
    finish_reason: NumberColumn,
    model: TextColumn,
    prompt_tokens: PlainColumn<Int64Type>,
    completion_tokens: PlainColumn<Int64Type>,
    total_tokens: PlainColumn<Int64Type>,
    token_ids: ListColumn<UInt32Type>,
    logprobs: ListColumn<Float32Type>,
}

impl TokenChunkColumns {
    pub(crate) fn new() -> Self {
        Self {
            common: CommonColumns::new(),
            request_id: TextColumn::default(),
            text: TextColumn::default(),
            chunk_index: FullColumn::default(),
            is_final: FlagColumn::default(),
            finish_reason: NumberColumn::new(enums::finish_reason),
            model: TextColumn::default(),
            prompt_tokens: PlainColumn::default(),
            completion_tokens: PlainColumn::default(),
            total_tokens: PlainColumn::default(),
            token_ids: ListColumn::default(),
            logprobs: ListColumn::default(),
        }
    }

    pub(crate) fn push(&mut self, row: &RowContext<'_>, view: &TokenChunkView<'_>) {
        let at = self.common.push(
            row.place,
            0,
            view.header.as_ref(),
            row.numbered,
            row.unknown_fields,
        );
        self.request_id.set(at, view.request_id);
        self.text.set(at, view.text);
        self.chunk_index.push(i64::from(view.chunk_index));
        self.is_final.set_option(at, Some(view.is_final));
        self.finish_reason.push(view.finish_reason);
        self.model.set(at, view.model);
        self.prompt_tokens
            .set_option(at, view.stats.map(|stats| i64::from(stats.prompt_tokens)));
        self.completion_tokens
            .set_option(at, view.stats.map(|stats| i64::from(stats.completion_tokens)));
        self.total_tokens
            .set_option(at, view.stats.map(|stats| i64::from(stats.total_tokens)));
        self.token_ids.set(at, &view.token_ids);
        self.logprobs.set(at, &view.logprobs);
    }
}

impl Columns for TokenChunkColumns {
    fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.common.rows();
        self.common.finish([
            self.request_id.finish(rows),
            self.text.finish(rows),
            self.chunk_index.finish(),
            self.is_final.finish(rows),
            self.finish_reason.finish(),
            self.model.finish(rows),
            self.prompt_tokens.finish(rows),
            self.completion_tokens.finish(rows),
            self.total_tokens.finish(rows),
            self.token_ids.finish(rows),
            self.logprobs.finish(rows),
        ])
    }
}
