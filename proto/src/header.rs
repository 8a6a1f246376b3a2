//! The header that begins every message.

use crate::enums;
use crate::error::Rejection;
use crate::json;
use crate::scratch::Scratch;
use crate::wire::{Cursor, Depth};

/// A message's header, borrowed. Absent fields have protobuf's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Header<'a> {
    /// Identity of the message: 16 bytes of a random UUID from known producers, but any length is accepted.
    pub message_id: &'a [u8],
    /// Producer's clock, microseconds since the Unix epoch.
    pub timestamp_us: i64,
    /// The tenant.
    pub tenant_id: &'a str,
    /// The thread: a session of an agent.
    pub thread_id: &'a str,
    /// Number in the thread, from 1; 0 = not numbered.
    pub sequence: u64,
    /// `MessageType`; advisory, as nothing checks it against the message.
    pub message_type: i32,
    /// message_id of the causal parent.
    pub parent_id: &'a [u8],
    /// `CompressionType` as the producer noted it; the marker byte is the truth.
    pub compression: i32,
    /// 1, or 0 which is read as 1.
    pub schema_version: u32,
}

impl<'a> Header<'a> {
    /// What stands for a header that is not there.
    pub(crate) const NONE: Header<'static> = Header {
        message_id: &[],
        timestamp_us: 0,
        tenant_id: "",
        thread_id: "",
        sequence: 0,
        message_type: 0,
        parent_id: &[],
        compression: 0,
        schema_version: 0,
    };

    /// Reads one occurrence of the header field into `header`: protobuf merges repeated ones.
    #[inline]
    pub(crate) fn merge(
        header: &mut Option<Self>,
        bytes: &'a [u8],
        depth: Depth,
        scratch: &mut Scratch,
    ) -> Result<(), Rejection> {
        let depth = depth.enter()?;
        let header = header.get_or_insert_default();
        let mut cursor = Cursor::new(bytes);
        while let Some(tag) = cursor.tag()? {
            match tag.number {
                1 => header.message_id = cursor.bytes(tag)?,
                2 => header.timestamp_us = cursor.int64(tag)?,
                3 => header.tenant_id = cursor.text(tag)?,
                4 => header.thread_id = cursor.text(tag)?,
                5 => header.sequence = cursor.uint64(tag)?,
                6 => header.message_type = cursor.enumeration(tag)?,
                7 => header.parent_id = cursor.bytes(tag)?,
                8 => header.compression = cursor.enumeration(tag)?,
                9 => header.schema_version = cursor.uint32(tag)?,
                _ => scratch.skip_unknown(&mut cursor, tag, depth)?,
            }
        }
        Ok(())
    }

    /// Bytes that each row of a message repeats.
    pub(crate) fn repeated_bytes(&self) -> usize {
        self.message_id.len() + self.tenant_id.len() + self.thread_id.len() + self.parent_id.len()
    }

    /// Writes the header as a JSON object, fields with protobuf's defaults left out.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        let mut first = true;
        out.push(b'{');
        for (key, bytes) in [("message_id", self.message_id), ("parent_id", self.parent_id)] {
            if !bytes.is_empty() {
                json::write_key(out, &mut first, key);
                json::write_bytes(out, bytes);
            }
        }
        for (key, text) in [("tenant_id", self.tenant_id), ("thread_id", self.thread_id)] {
            if !text.is_empty() {
                json::write_key(out, &mut first, key);
                json::write_string(out, text);
            }
        }
        if self.timestamp_us != 0 {
            json::write_key(out, &mut first, "timestamp_us");
            json::write_int(out, self.timestamp_us);
        }
        for (key, number) in [
            ("sequence", self.sequence),
            ("schema_version", u64::from(self.schema_version)),
        ] {
            if number != 0 {
                json::write_key(out, &mut first, key);
                json::write_int(out, number);
            }
        }
        if self.message_type != 0 {
            json::write_key(out, &mut first, "type");
            json::write_string(out, &enums::message_type(self.message_type));
        }
        if self.compression != 0 {
            json::write_key(out, &mut first, "compression");
            json::write_string(out, &enums::compression_type(self.compression));
        }
        out.push(b'}');
    }
}
