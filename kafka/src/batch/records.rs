//! The records inside one batch.

use crate::cursor::{Cursor, Malformed};
use crate::raw::{RawHeaders, RawRecord};

use super::error::BatchFault;
use super::header::BatchHeader;

/// Checks the whole of a batch's records: nothing of a batch is handed on before all of it is known to be sound.
pub(super) fn check(header: &BatchHeader, body: &[u8]) -> Result<(), BatchFault> {
    let offsets = i64::from(header.last_offset_delta) + 1;
    if header.record_count < 0 || i64::from(header.record_count) > offsets {
        return Err(BatchFault::RecordCount {
            count: header.record_count,
            offsets,
        });
    }
    let mut cursor = Cursor::new(body);
    let mut least = header.base_offset;
    for index in 0..header.record_count {
        let fault = |Malformed(reason)| BatchFault::Record {
            index,
            count: header.record_count,
            reason,
        };
        let record = read(header, &mut cursor).map_err(fault)?;
        if record.offset < least {
            return Err(fault(Malformed("offset not above that of the record before")));
        }
        if record.offset > header.last_offset() {
            return Err(fault(Malformed("offset above the last of the batch")));
        }
        least = record.offset + 1;
    }
    match cursor.rest().len() {
        0 => Ok(()),
        bytes => Err(BatchFault::TrailingBytes { bytes }),
    }
}

/// Iterator over records that [`check`] has passed.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    header: BatchHeader,
    cursor: Cursor<'a>,
    left: i32,
}

impl<'a> Records<'a> {
    pub(crate) fn new(header: BatchHeader, body: &'a [u8]) -> Self {
        Self {
            header,
            cursor: Cursor::new(body),
            left: header.record_count,
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = RawRecord<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        read(&self.header, &mut self.cursor).ok()
    }
}

#[inline]
fn read<'a>(header: &BatchHeader, cursor: &mut Cursor<'a>) -> Result<RawRecord<'a>, Malformed> {
    let length = usize::try_from(cursor.varint()?).map_err(|_| Malformed("negative record length"))?;
    let mut inner = Cursor::new(cursor.take(length)?);
    let _attributes = inner.u8()?;
    let time_delta = inner.varlong()?;
    let offset_delta = inner.varint()?;
    if offset_delta < 0 {
        return Err(Malformed("negative offset delta"));
    }
    let key = inner.varint_bytes()?;
    let value = inner.varint_bytes()?;
    let headers = RawHeaders::read(&mut inner)?;
    if !inner.is_empty() {
        return Err(Malformed("bytes left after the headers"));
    }
    let timestamp_ms = if header.has_append_time() {
        header.max_timestamp_ms
    } else {
        header.base_timestamp_ms.saturating_add(time_delta)
    };
    Ok(RawRecord {
        // No overflow: last offset = base + i32 was checked, and the delta is compared with it by `check`.
        offset: header.base_offset.saturating_add(i64::from(offset_delta)),
        timestamp_ms,
        key,
        value,
        headers,
    })
}

/// The two kinds of marker that end a transaction; others (leader changes, snapshots) mean nothing to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Abort,
    Commit,
    Other,
}

/// Which marker a control record is: its key is a version and a type, both 16 bits.
pub(super) fn marker(record: &RawRecord<'_>) -> Result<Marker, Malformed> {
    let mut key = Cursor::new(record.key.ok_or(Malformed("control record without a key"))?);
    let _version = key
        .i16()
        .map_err(|_| Malformed("control record with a short key"))?;
    Ok(
        match key
            .i16()
            .map_err(|_| Malformed("control record with a short key"))?
        {
            0 => Marker::Abort,
            1 => Marker::Commit,
            _ => Marker::Other,
        },
    )
}
