//! One record as its source stores it: borrowed bytes, not yet decoded.

use std::fmt;

use crate::cursor::{Cursor, Malformed};

/// One record, borrowed from the bytes it arrived in.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Offset of the record in its partition.
    pub offset: i64,
    /// Milliseconds since the Unix epoch: the producer's create time, or the broker's append time where the topic is
    /// set so. -1 = the record carries none.
    pub timestamp_ms: i64,
    /// The key; `None` where the record has a null key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, in the order of the record.
    pub headers: RawHeaders<'a>,
}

/// The headers of one record: checked when the record is read, taken apart only when asked for.
#[derive(Clone, Copy, Default)]
pub struct RawHeaders<'a> {
    count: usize,
    bytes: &'a [u8],
}

/// One header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawHeader<'a> {
    /// The name. Kafka says UTF-8, but no broker checks it.
    pub key: &'a [u8],
    /// The value; `None` where it is null.
    pub value: Option<&'a [u8]>,
}

impl<'a> RawHeader<'a> {
    /// The name as text; `None` where it is not UTF-8.
    #[must_use]
    pub fn key_text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.key).ok()
    }
}

impl<'a> RawHeaders<'a> {
    /// No headers: what a source without headers (a frames file) gives.
    pub const NONE: RawHeaders<'static> = RawHeaders { count: 0, bytes: &[] };

    /// Reads the count and the headers of a record, and checks every length, so that the iterator cannot fail.
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Malformed> {
        let count = usize::try_from(cursor.varint()?).map_err(|_| Malformed("negative header count"))?;
        let bytes = cursor.rest();
        for _ in 0..count {
            read_header(cursor)?;
        }
        let used = bytes.len() - cursor.rest().len();
        Ok(Self {
            count,
            bytes: &bytes[..used],
        })
    }

    /// Number of headers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether the record has no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The headers in the order of the record.
    #[must_use]
    pub fn iter(&self) -> RawHeadersIter<'a> {
        RawHeadersIter {
            left: self.count,
            cursor: Cursor::new(self.bytes),
        }
    }
}

impl fmt::Debug for RawHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for RawHeaders<'a> {
    type Item = RawHeader<'a>;
    type IntoIter = RawHeadersIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterator over [`RawHeaders`].
#[derive(Clone, Debug)]
pub struct RawHeadersIter<'a> {
    left: usize,
    cursor: Cursor<'a>,
}

impl<'a> Iterator for RawHeadersIter<'a> {
    type Item = RawHeader<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // Checked in `read`; were it malformed all the same, the iterator would end here.
        read_header(&mut self.cursor).ok()
    }
}

fn read_header<'a>(cursor: &mut Cursor<'a>) -> Result<RawHeader<'a>, Malformed> {
    let key = cursor.varint_bytes()?.ok_or(Malformed("null header name"))?;
    let value = cursor.varint_bytes()?;
    Ok(RawHeader { key, value })
}
