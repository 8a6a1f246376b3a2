//! Reading the protobuf wire format without copying.
//!
//! Accepts and refuses exactly what prost does, so that a message is a row here when it is a message there:
//! <https://protobuf.dev/programming-guides/encoding/>. Merging two encodings of one message is the same as parsing
//! their concatenation; readers of nested messages rely on it.

use crate::error::{Reason, Rejection};
use crate::limits::NESTING_MAX;

/// The low three bits of a field key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint,
    Fixed64,
    Bytes,
    StartGroup,
    EndGroup,
    Fixed32,
}

/// How many more levels of messages may open. Starts at [`NESTING_MAX`] in the envelope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth(u32);

impl Depth {
    pub(crate) const ENVELOPE: Self = Self(NESTING_MAX);

    /// The depth inside a message that opens here.
    #[inline]
    pub(crate) fn enter(self) -> Result<Self, Rejection> {
        match self.0.checked_sub(1) {
            Some(left) => Ok(Self(left)),
            None => Err(too_deep()),
        }
    }
}

#[cold]
fn too_deep() -> Rejection {
    Rejection::new(
        Reason::Nesting,
        format!("messages nest deeper than {NESTING_MAX} levels"),
    )
}

#[cold]
#[inline(never)]
fn malformed(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::Protobuf, detail)
}

#[cold]
#[inline(never)]
fn cut_short(len: u64, left: usize) -> Rejection {
    malformed(format!("field of {len} bytes, but only {left} are left"))
}

#[cold]
#[inline(never)]
fn key_too_large(key: u64) -> Rejection {
    malformed(format!("field key {key} does not fit 32 bits"))
}

#[cold]
#[inline(never)]
fn no_wire_type(wire_type: u32) -> Rejection {
    malformed(format!("wire type {wire_type} does not exist"))
}

/// One field: its number, its wire type, and where its key began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub(crate) number: u32,
    pub(crate) wire_type: WireType,
}

/// A position in the bytes of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field's key, or `None` at the end of the message.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> Result<Option<Tag>, Rejection> {
        let Some((&first, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        let key = if first < 0x80 {
            self.rest = rest;
            u32::from(first)
        } else {
            let key = self.varint()?;
            u32::try_from(key).map_err(|_| key_too_large(key))?
        };
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Bytes,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            other => return Err(no_wire_type(other)),
        };
        let number = key >> 3;
        if number == 0 {
            return Err(malformed("field number 0 does not exist"));
        }
        Ok(Some(Tag { number, wire_type }))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Rejection> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.varint_long(),
        }
    }

    /// One of three bytes or more: times have eight, at least until the year 4253.
    #[inline]
    fn varint_long(&mut self) -> Result<u64, Rejection> {
        let ends = |word: u64| !word & 0x8080_8080_8080_8080;
        match self.rest.first_chunk().map(|word| u64::from_le_bytes(*word)) {
            Some(word) if ends(word) != 0 => {
                let end = ends(word);
                // Up to the first byte without the continuation bit.
                let value = join_sevens(word & (end ^ (end - 1)));
                self.rest = &self.rest[end.trailing_zeros() as usize / 8 + 1..];
                Ok(value)
            }
            _ => self.varint_by_bytes(),
        }
    }

    #[inline(never)]
    fn varint_by_bytes(&mut self) -> Result<u64, Rejection> {
        let mut value = 0_u64;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                // The tenth byte has room for one bit only.
                if index == 9 && byte > 1 {
                    return Err(malformed("varint is longer than 64 bits"));
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 {
            malformed("message ends inside a varint")
        } else {
            malformed("varint is longer than 64 bits")
        })
    }

    #[inline(always)]
    fn take(&mut self, len: u64) -> Result<&'a [u8], Rejection> {
        match usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
        {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(cut_short(len, self.rest.len())),
        }
    }

    #[inline(always)]
    fn expect(&self, tag: Tag, wire_type: WireType) -> Result<(), Rejection> {
        if tag.wire_type == wire_type {
            Ok(())
        } else {
            Err(wrong_wire_type(tag, wire_type))
        }
    }

    #[inline(always)]
    pub(crate) fn uint64(&mut self, tag: Tag) -> Result<u64, Rejection> {
        self.expect(tag, WireType::Varint)?;
        self.varint()
    }

    #[inline]
    pub(crate) fn int64(&mut self, tag: Tag) -> Result<i64, Rejection> {
        Ok(self.uint64(tag)?.cast_signed())
    }

    /// A `uint32`: longer varints lose their upper bits, as in every protobuf implementation.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn uint32(&mut self, tag: Tag) -> Result<u32, Rejection> {
        Ok(self.uint64(tag)? as u32)
    }

    /// An enum number, known or not.
    #[inline]
    pub(crate) fn enumeration(&mut self, tag: Tag) -> Result<i32, Rejection> {
        Ok(self.uint32(tag)?.cast_signed())
    }

    #[inline]
    pub(crate) fn boolean(&mut self, tag: Tag) -> Result<bool, Rejection> {
        Ok(self.uint64(tag)? != 0)
    }

    #[inline]
    pub(crate) fn double(&mut self, tag: Tag) -> Result<f64, Rejection> {
        self.expect(tag, WireType::Fixed64)?;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(f64::from_le_bytes(bytes))
    }

    #[inline]
    pub(crate) fn float(&mut self, tag: Tag) -> Result<f32, Rejection> {
        self.expect(tag, WireType::Fixed32)?;
        self.fixed32().map(f32::from_bits)
    }

    fn fixed32(&mut self) -> Result<u32, Rejection> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    /// A bytes field, or the encoding of a nested message.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, tag: Tag) -> Result<&'a [u8], Rejection> {
        self.expect(tag, WireType::Bytes)?;
        let len = self.varint()?;
        self.take(len)
    }

    #[inline(always)]
    pub(crate) fn text(&mut self, tag: Tag) -> Result<&'a str, Rejection> {
        utf8(tag, self.bytes(tag)?)
    }

    /// One value of a `repeated uint32`, or a packed run of them.
    pub(crate) fn repeated_uint32(&mut self, tag: Tag, values: &mut Vec<u32>) -> Result<(), Rejection> {
        if tag.wire_type == WireType::Bytes {
            let mut packed = Cursor::new(self.bytes(tag)?);
            let element = Tag {
                wire_type: WireType::Varint,
                ..tag
            };
            while !packed.rest.is_empty() {
                values.push(packed.uint32(element)?);
            }
        } else {
            values.push(self.uint32(tag)?);
        }
        Ok(())
    }

    /// One value of a `repeated float`, or a packed run of them.
    pub(crate) fn repeated_float(&mut self, tag: Tag, values: &mut Vec<f32>) -> Result<(), Rejection> {
        if tag.wire_type == WireType::Bytes {
            let mut packed = Cursor::new(self.bytes(tag)?);
            while !packed.rest.is_empty() {
                values.push(f32::from_bits(packed.fixed32()?));
            }
        } else {
            values.push(self.float(tag)?);
        }
        Ok(())
    }

    /// Steps over the value of a field whose number is unknown.
    pub(crate) fn skip(&mut self, tag: Tag, depth: Depth) -> Result<(), Rejection> {
        // prost counts a skipped field as a level of its own, be it a group or not.
        let inside = depth.enter()?;
        match tag.wire_type {
            WireType::Varint => {
                self.varint()?;
            }
            WireType::Fixed64 => {
                self.take(8)?;
            }
            WireType::Fixed32 => {
                self.take(4)?;
            }
            WireType::Bytes => {
                let len = self.varint()?;
                self.take(len)?;
            }
            WireType::StartGroup => loop {
                let inner = self
                    .tag()?
                    .ok_or_else(|| malformed(format!("group {} has no end", tag.number)))?;
                if inner.wire_type == WireType::EndGroup {
                    if inner.number != tag.number {
                        return Err(malformed(format!(
                            "group {} ends as group {}",
                            tag.number, inner.number
                        )));
                    }
                    break;
                }
                self.skip(inner, inside)?;
            },
            WireType::EndGroup => {
                return Err(malformed(format!(
                    "end of group {} without its start",
                    tag.number
                )));
            }
        }
        Ok(())
    }
}

/// The low seven bits of eight bytes, the lowest first, as one number: neighbours are pushed together, then pairs, then
/// halves.
#[inline]
const fn join_sevens(word: u64) -> u64 {
    let low = word & 0x007f_007f_007f_007f;
    let pairs = low | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let halves = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    halves & 0x0fff_ffff | (halves & 0x0fff_ffff_0000_0000) >> 4
}

#[cold]
#[inline(never)]
fn wrong_wire_type(tag: Tag, expected: WireType) -> Rejection {
    malformed(format!(
        "field {} has wire type {:?}, expected {expected:?}",
        tag.number, tag.wire_type
    ))
}

/// A text field's bytes as text.
#[inline]
pub(crate) fn utf8(tag: Tag, bytes: &[u8]) -> Result<&str, Rejection> {
    as_utf8(bytes).ok_or_else(|| not_utf8(tag))
}

#[cold]
#[inline(never)]
fn not_utf8(tag: Tag) -> Rejection {
    malformed(format!("text field {} is not UTF-8", tag.number))
}

/// The bytes as text, if they are UTF-8.
#[inline]
pub(crate) fn as_utf8(bytes: &[u8]) -> Option<&str> {
    if bytes.len() <= SHORT && is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Some(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    as_utf8_long(bytes)
}

#[inline(never)]
fn as_utf8_long(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Longest text whose check costs more to begin than to do: names and ids.
const SHORT: usize = 64;

/// Whether all bytes are ASCII, eight at a time; the last eight overlap those before.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    if let Some(last) = bytes.last_chunk::<8>() {
        let all = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .fold(u64::from_ne_bytes(*last), |all, eight| {
                all | u64::from_ne_bytes(*eight)
            });
        all & HIGH == 0
    } else {
        bytes.iter().fold(0, |all, byte| all | byte) < 0x80
    }
}

#[cfg(test)]
mod tests;
