#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use prost::encoding::{DecodeContext, decode_varint, encode_varint, skip_field};

use super::*;

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Rejection> {
    let mut cursor = Cursor::new(bytes);
    let value = cursor.varint()?;
    Ok((value, cursor.rest()))
}

fn assert_varint_as_prost(bytes: &[u8]) {
    let mut rest = bytes;
    match (decode_varint(&mut rest), varint(bytes)) {
        (Ok(expected), Ok((value, left))) => assert_eq!((value, left), (expected, rest), "{bytes:02x?}"),
        (Err(_), Err(rejection)) => assert_eq!(rejection.reason, Reason::Protobuf),
        (prost, ours) => panic!("{bytes:02x?}: prost {prost:?}, ours {ours:?}"),
    }
}

fn prost_wire_type(wire_type: WireType) -> prost::encoding::WireType {
    match wire_type {
        WireType::Varint => prost::encoding::WireType::Varint,
        WireType::Fixed64 => prost::encoding::WireType::SixtyFourBit,
        WireType::Bytes => prost::encoding::WireType::LengthDelimited,
        WireType::StartGroup => prost::encoding::WireType::StartGroup,
        WireType::EndGroup => prost::encoding::WireType::EndGroup,
        WireType::Fixed32 => prost::encoding::WireType::ThirtyTwoBit,
    }
}

proptest! {
    #[test]
    fn varints_are_read_as_prost_writes_them(
        value in any::<u64>(), shift in 0_u32..64, tail in prop::collection::vec(any::<u8>(), 0..12)
    ) {
        let value = value >> shift;
        let mut bytes = Vec::new();
        encode_varint(value, &mut bytes);
        bytes.extend(&tail);
        prop_assert_eq!(varint(&bytes).unwrap(), (value, &tail[..]));
    }

    #[test]
    fn any_bytes_are_a_varint_exactly_when_prost_reads_one(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x80_u8..=0xff], 0..13)
    ) {
        assert_varint_as_prost(&bytes);
    }

    #[test]
    fn keys_are_read_and_unknown_fields_skipped_as_prost_does(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        let mut rest = &*bytes;
        let prost = prost::encoding::decode_key(&mut rest).and_then(|(number, wire_type)| {
            skip_field(wire_type, number, &mut rest, DecodeContext::default()).map(|()| (number, wire_type))
        });
        let mut cursor = Cursor::new(&bytes);
        let ours = cursor.tag().and_then(|tag| {
            let tag = tag.ok_or_else(|| malformed("end"))?;
            cursor.skip(tag, Depth::ENVELOPE).map(|()| tag)
        });
        match (prost, ours) {
            (Ok((number, wire_type)), Ok(tag)) => {
                prop_assert_eq!((number, wire_type), (tag.number, prost_wire_type(tag.wire_type)));
                prop_assert_eq!(rest, cursor.rest());
            }
            (Err(_), Err(_)) => {}
            (prost, ours) => panic!("{bytes:02x?}: prost {prost:?}, ours {ours:?}"),
        }
    }
}

#[test]
fn varints_of_nine_to_eleven_bytes_end_where_prost_says() {
    for len in 8..12 {
        for last in [0_u8, 1, 2, 0x7f, 0x80, 0x81, 0xff] {
            for fill in [0x80_u8, 0xff] {
                let mut bytes = vec![fill; len - 1];
                bytes.push(last);
                assert_varint_as_prost(&bytes);
                bytes.push(0);
                assert_varint_as_prost(&bytes);
            }
        }
    }
}

#[test]
fn a_field_number_of_0_and_the_wire_types_6_and_7_do_not_exist() {
    for byte in 0..=0xff_u8 {
        let bytes = [byte, 0];
        let mut rest = &bytes[..];
        let prost = prost::encoding::decode_key(&mut rest);
        assert_eq!(prost.is_ok(), Cursor::new(&bytes).tag().is_ok(), "{byte:02x}");
    }
}

#[test]
fn numbers_narrower_than_their_varint_lose_its_upper_bits() {
    let tag = Tag {
        number: 1,
        wire_type: WireType::Varint,
    };
    let mut bytes = Vec::new();
    encode_varint(u64::MAX - 1, &mut bytes);
    assert_eq!(Cursor::new(&bytes).uint32(tag).unwrap(), u32::MAX - 1);
    assert_eq!(Cursor::new(&bytes).enumeration(tag).unwrap(), -2);
    assert_eq!(Cursor::new(&bytes).int64(tag).unwrap(), -2);
    assert!(Cursor::new(&bytes).boolean(tag).unwrap());
}

#[test]
fn a_wrong_wire_type_is_refused_with_the_field_named() {
    let tag = Tag {
        number: 5,
        wire_type: WireType::Fixed32,
    };
    let rejection = Cursor::new(&[0; 8]).uint64(tag).unwrap_err();
    assert_eq!(rejection.reason, Reason::Protobuf);
    assert!(rejection.detail.contains("field 5"), "{rejection}");
    assert!(Cursor::new(&[0; 8]).double(tag).is_err());
    assert!(Cursor::new(&[0; 8]).bytes(tag).is_err());
    assert!(Cursor::new(&[0; 8]).float(tag).is_ok());
}

#[test]
fn lengths_beyond_the_message_are_refused_without_being_allocated() {
    let tag = Tag {
        number: 1,
        wire_type: WireType::Bytes,
    };
    for len in [1, 1 << 31, 1 << 62, u64::MAX] {
        let mut bytes = Vec::new();
        encode_varint(len, &mut bytes);
        assert_eq!(
            Cursor::new(&bytes).bytes(tag).unwrap_err().reason,
            Reason::Protobuf
        );
    }
}

#[test]
fn depth_ends_after_one_hundred_levels() {
    let mut depth = Depth::ENVELOPE;
    for _ in 0..NESTING_MAX {
        depth = depth.enter().unwrap();
    }
    assert_eq!(depth.enter().unwrap_err().reason, Reason::Nesting);
}
