//! Protobuf without a schema: splitting, joining and changing encodings, and prost as the reference decoder.

use prost::Message as _;
use quipu_proto::message::DashStreamMessage;

/// Takes the framing off a value the plain way.
pub fn unframe(value: &[u8]) -> Vec<u8> {
    match value {
        [0, body @ ..] => body.to_vec(),
        [1, body @ ..] => zstd::decode_all(body).unwrap(),
        [2, body @ ..] => {
            let mut out = Vec::new();
            std::io::copy(&mut lz4_flex::frame::FrameDecoder::new(body), &mut out).unwrap();
            out
        }
        bare if bare.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => zstd::decode_all(bare).unwrap(),
        unframed => unframed.to_vec(),
    }
}

/// What prost reads in a framed value.
pub fn prost_decode(value: &[u8]) -> DashStreamMessage {
    DashStreamMessage::decode(&*unframe(value)).unwrap()
}

/// One field: its number, wire type, and the bytes of its value without length.
#[derive(Clone, Debug, PartialEq)]
pub struct RawField {
    pub number: u32,
    pub wire_type: u8,
    pub value: Vec<u8>,
}

impl RawField {
    pub fn bytes(number: u32, value: &[u8]) -> Self {
        Self {
            number,
            wire_type: 2,
            value: value.to_vec(),
        }
    }

    pub fn varint(number: u32, value: u64) -> Self {
        let mut bytes = Vec::new();
        prost::encoding::encode_varint(value, &mut bytes);
        Self {
            number,
            wire_type: 0,
            value: bytes,
        }
    }

    /// A group that holds these fields; the end tag is part of the value.
    pub fn group(number: u32, fields: &[RawField]) -> Self {
        let mut value = join(fields);
        prost::encoding::encode_varint(u64::from(number) << 3 | 4, &mut value);
        Self {
            number,
            wire_type: 3,
            value,
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        prost::encoding::encode_varint(u64::from(self.number) << 3 | u64::from(self.wire_type), out);
        if self.wire_type == 2 {
            prost::encoding::encode_varint(self.value.len() as u64, out);
        }
        out.extend_from_slice(&self.value);
    }

    pub fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// The encoding of fields one after the other.
pub fn join(fields: &[RawField]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        field.encode(&mut out);
    }
    out
}

/// The fields of an encoding, if it is one (groups are not split).
pub fn split(bytes: &[u8]) -> Option<Vec<RawField>> {
    let mut rest = bytes;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = prost::encoding::decode_varint(&mut rest).ok()?;
        let (number, wire_type) = (u32::try_from(key >> 3).ok()?, (key & 7) as u8);
        if number == 0 || number > 0x1fff_ffff {
            return None;
        }
        let len = match wire_type {
            0 => {
                let mut after = rest;
                prost::encoding::decode_varint(&mut after).ok()?;
                rest.len() - after.len()
            }
            1 => 8,
            2 => usize::try_from(prost::encoding::decode_varint(&mut rest).ok()?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, following) = rest.split_at_checked(len)?;
        fields.push(RawField {
            number,
            wire_type,
            value: value.to_vec(),
        });
        rest = following;
    }
    Some(fields)
}

/// Whether `needle` stands somewhere in `haystack`.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
