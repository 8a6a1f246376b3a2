//! The header object that every document has.

use super::hex::{write_hex, write_id};
use super::names::Names;
use super::time;
use crate::header::Header;
use crate::json;

/// Writes the header. A `parent_id` is plain hexadecimal also where `message_id` is a UUID.
pub(super) fn write(header: &Header<'_>, names: Names, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"message_id\":");
    write_id(out, header.message_id);
    out.extend_from_slice(b",\"timestamp_us\":");
    json::write_int(out, header.timestamp_us);
    out.extend_from_slice(b",\"timestamp_iso\":");
    time::write(out, header.timestamp_us);
    out.extend_from_slice(b",\"tenant_id\":");
    json::write_string(out, header.tenant_id);
    out.extend_from_slice(b",\"thread_id\":");
    json::write_string(out, header.thread_id);
    out.extend_from_slice(b",\"sequence\":");
    json::write_int(out, header.sequence);
    out.extend_from_slice(b",\"type\":");
    names.write_message_type(out, header.message_type);
    out.extend_from_slice(b",\"parent_id\":");
    if header.parent_id.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        write_hex(out, header.parent_id);
    }
    out.extend_from_slice(b",\"schema_version\":");
    json::write_int(out, header.schema_version);
    out.push(b'}');
}
