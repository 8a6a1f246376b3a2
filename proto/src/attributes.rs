//! Attribute values: the recursive part of the schema.

use smallvec::SmallVec;

use crate::error::Rejection;
use crate::json;
use crate::maps::{self, Chunks, Entries, Entry, MapValue};
use crate::scratch::Scratch;
use crate::wire::{Cursor, Depth, Tag};

/// A map entry's AttributeValue, still encoded.
#[derive(Debug, Default)]
pub(crate) struct AttributeValue<'a>(Chunks<'a>);

impl<'a> MapValue<'a> for AttributeValue<'a> {
    #[inline]
    fn merge(&mut self, cursor: &mut Cursor<'a>, tag: Tag, _: Depth) -> Result<(), Rejection> {
        self.0.push(cursor.bytes(tag)?);
        Ok(())
    }

    #[inline]
    fn write(&self, depth: Depth, scratch: &mut Scratch) -> Result<(), Rejection> {
        if self.0.is_empty() {
            scratch.text.extend_from_slice(b"null");
            return Ok(());
        }
        Value::parse(&self.0, depth, scratch)?.write(scratch)
    }
}

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Bytes(&'a [u8]),
}

impl<'a> Scalar<'a> {
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a count: an integer, or a float that is one.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn int(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            // Within 2^53 every whole float is one integer.
            Self::Float(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
                Some(value as i64)
            }
            _ => None,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn float(self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            _ => None,
        }
    }
}

/// An AttributeValue whose own fields were read; the parts of an array or a map are still encoded.
#[derive(Debug)]
enum Value<'a> {
    Null,
    Scalar(Scalar<'a>),
    Array(Chunks<'a>, Depth),
    Map(Chunks<'a>, Depth),
}

impl<'a> Value<'a> {
    #[inline]
    fn parse(chunks: &[&'a [u8]], depth: Depth, scratch: &mut Scratch) -> Result<Self, Rejection> {
        let depth = depth.enter()?;
        let mut value = Value::Null;
        for &chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            while let Some(tag) = cursor.tag()? {
                let next = match tag.number {
                    1 => Value::Scalar(Scalar::Text(cursor.text(tag)?)),
                    2 => Value::Scalar(Scalar::Int(cursor.int64(tag)?)),
                    3 => Value::Scalar(Scalar::Float(cursor.double(tag)?)),
                    4 => Value::Scalar(Scalar::Bool(cursor.boolean(tag)?)),
                    5 => Value::Scalar(Scalar::Bytes(cursor.bytes(tag)?)),
                    6 => {
                        let bytes = cursor.bytes(tag)?;
                        let inside = depth.enter()?;
                        if let Value::Array(parts, _) = &mut value {
                            scratch.count_part()?;
                            parts.push(bytes);
                            continue;
                        }
                        Value::Array(SmallVec::from_slice(&[bytes]), inside)
                    }
                    7 => {
                        let bytes = cursor.bytes(tag)?;
                        let inside = depth.enter()?;
                        if let Value::Map(parts, _) = &mut value {
                            scratch.count_part()?;
                            parts.push(bytes);
                            continue;
                        }
                        Value::Map(SmallVec::from_slice(&[bytes]), inside)
                    }
                    _ => {
                        scratch.skip_unknown(&mut cursor, tag, depth)?;
                        continue;
                    }
                };
                // A oneof keeps its last member, but a replaced one must still be well formed.
                value.check(scratch)?;
                value = next;
            }
        }
        Ok(value)
    }

    fn check(&self, scratch: &mut Scratch) -> Result<(), Rejection> {
        if matches!(self, Value::Array(..) | Value::Map(..)) {
            let start = scratch.mark();
            self.write(scratch)?;
            scratch.text.truncate(start);
        }
        Ok(())
    }

    fn write(&self, scratch: &mut Scratch) -> Result<(), Rejection> {
        match self {
            Value::Null => scratch.text.extend_from_slice(b"null"),
            Value::Scalar(Scalar::Text(text)) => json::write_string(&mut scratch.text, text),
            Value::Scalar(Scalar::Int(int)) => json::write_int(&mut scratch.text, *int),
            Value::Scalar(Scalar::Float(float)) if scratch.for_display => {
                json::write_float_or_null(&mut scratch.text, *float);
            }
            Value::Scalar(Scalar::Bytes(bytes)) if scratch.for_display => {
                json::write_text_or_hex(&mut scratch.text, bytes);
            }
            Value::Scalar(Scalar::Float(float)) => json::write_float(&mut scratch.text, *float),
            Value::Scalar(Scalar::Bool(flag)) => json::write_bool(&mut scratch.text, *flag),
            Value::Scalar(Scalar::Bytes(bytes)) => json::write_bytes(&mut scratch.text, bytes),
            Value::Array(chunks, depth) => write_array(chunks, *depth, scratch)?,
            Value::Map(chunks, depth) => write_map(chunks, *depth, scratch)?,
        }
        Ok(())
    }
}

fn write_array(chunks: &[&[u8]], depth: Depth, scratch: &mut Scratch) -> Result<(), Rejection> {
    scratch.text.push(b'[');
    let mut first = true;
    for &chunk in chunks {
        let mut cursor = Cursor::new(chunk);
        while let Some(tag) = cursor.tag()? {
            if tag.number != 1 {
                scratch.skip_unknown(&mut cursor, tag, depth)?;
                continue;
            }
            if !std::mem::replace(&mut first, false) {
                scratch.text.push(b',');
            }
            Value::parse(&[cursor.bytes(tag)?], depth, scratch)?.write(scratch)?;
            scratch.check_len()?;
        }
    }
    scratch.text.push(b']');
    Ok(())
}

fn write_map(chunks: &[&[u8]], depth: Depth, scratch: &mut Scratch) -> Result<(), Rejection> {
    let mut entries = Entries::<AttributeValue<'_>>::new();
    for &chunk in chunks {
        let mut cursor = Cursor::new(chunk);
        while let Some(tag) = cursor.tag()? {
            if tag.number == 1 {
                entries.push(Entry::parse(cursor.bytes(tag)?, depth, scratch)?);
            } else {
                scratch.skip_unknown(&mut cursor, tag, depth)?;
            }
        }
    }
    maps::write_object(&mut entries, scratch)
}

impl<'a> Entry<'a, AttributeValue<'a>> {
    /// The entry's value, if it has no parts. Call it on what was written before, so that nothing can fail any more.
    pub(crate) fn scalar(&self, scratch: &mut Scratch) -> Option<Scalar<'a>> {
        match Value::parse(&self.value.0, self.depth, scratch).ok()? {
            Value::Scalar(scalar) => Some(scalar),
            Value::Null | Value::Array(..) | Value::Map(..) => None,
        }
    }
}
