#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z\"\\\\\u{1}\u{e9}\n]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"]{0,9}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn strings_are_escaped_as_serde_json_escapes_them(
        text in prop_oneof![any::<String>(), prop::collection::vec(0_u8..0x80, 0..40).prop_map(|ascii| String::from_utf8(ascii).unwrap())]
    ) {
        prop_assert_eq!(written(|out| write_string(out, &text)), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn finite_floats_read_back_as_the_same_bits(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let text = written(|out| write_float(out, value));
        if value.is_finite() {
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
            // A float is told from an integer by its text.
            prop_assert!(text.contains(['.', 'e']), "{}", text);
        } else {
            let is_named = text.starts_with("{\"$float\":");
            prop_assert!(is_named);
        }
    }

    #[test]
    fn bytes_are_json_exactly_when_serde_json_reads_them(text in "[\\[\\]{}\",:0-9a-zE+ \n\\\\.-]{0,12}") {
        prop_assert_eq!(as_json(text.as_bytes()).is_some(), serde_json::from_str::<IgnoredAny>(&text).is_ok());
    }

    #[test]
    fn json_with_one_byte_changed_is_json_exactly_when_serde_json_reads_it(
        value in any_json(), pretty in any::<bool>(), place in any::<prop::sample::Index>(), byte in 0_u8..0x80, how in 0..4
    ) {
        let mut text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        prop_assert!(as_json(&text).is_some());
        let place = place.index(text.len());
        match how {
            0 => text[place] = byte,
            1 => text.insert(place, byte),
            2 => _ = text.remove(place),
            _ => text.truncate(place),
        }
        // Where bytes are skipped, serde_json does not look whether they are UTF-8.
        let expected = std::str::from_utf8(&text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        prop_assert_eq!(as_json(&text).is_some(), expected, "{:?}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn a_special_byte_is_escaped_in_every_place_of_a_long_string() {
    for len in 0..70 {
        assert_eq!(
            written(|out| write_string(out, &"~".repeat(len))),
            format!("\"{}\"", "~".repeat(len))
        );
        for place in 0..len {
            for special in ['"', '\\', '\n', '\0', 'é'] {
                let text: String = (0..len)
                    .map(|at| if at == place { special } else { '~' })
                    .collect();
                assert_eq!(
                    written(|out| write_string(out, &text)),
                    serde_json::to_string(&text).unwrap()
                );
            }
        }
    }
}

#[test]
fn every_ascii_character_is_escaped_as_serde_json_escapes_it() {
    for byte in 0..0x80_u8 {
        let text = char::from(byte).to_string();
        assert_eq!(
            written(|out| write_string(out, &text)),
            serde_json::to_string(&text).unwrap()
        );
    }
}

#[test]
fn numbers_that_json_does_not_have_are_named() {
    let named = |value| serde_json::from_str::<Value>(&written(|out| write_float(out, value))).unwrap();
    assert_eq!(named(f64::NAN), json!({"$float": "NaN"}));
    assert_eq!(named(-f64::NAN), json!({"$float": "NaN"}));
    assert_eq!(named(f64::INFINITY), json!({"$float": "Infinity"}));
    assert_eq!(named(f64::NEG_INFINITY), json!({"$float": "-Infinity"}));
}

#[test]
fn integers_keep_every_digit() {
    assert_eq!(written(|out| write_int(out, i64::MIN)), i64::MIN.to_string());
    assert_eq!(written(|out| write_int(out, u64::MAX)), u64::MAX.to_string());
}

#[test]
fn bytes_are_base64_with_padding() {
    assert_eq!(
        written(|out| write_bytes(out, b"\xff\x00\x7f!")),
        r#"{"$bytes":"/wB/IQ=="}"#
    );
    assert_eq!(written(|out| write_bytes(out, b"")), r#"{"$bytes":""}"#);
}

#[test]
fn a_field_is_json_or_bytes_but_never_both() {
    assert_eq!(JsonField::of(b""), JsonField::Empty);
    assert_eq!(JsonField::of(b" {\"a\": 1} "), JsonField::Json(" {\"a\": 1} "));
    // Two values, a byte order mark, and text of another encoding are no JSON.
    for bytes in [&b"1 2"[..], b"\xef\xbb\xbf1", b"\"\xe9\"", b"{", b"nul", b"'a'"] {
        assert_eq!(JsonField::of(bytes), JsonField::Bytes(bytes));
        assert_eq!(JsonField::of(bytes).json(), None);
    }
    assert_eq!(JsonField::of(b"null").bytes(), None);
}

#[test]
fn nesting_without_end_is_no_json_and_no_stack_overflow() {
    assert_eq!(as_json("[".repeat(1 << 20).as_bytes()), None);
    let deep = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert_eq!(as_json(deep.as_bytes()), None);
}

#[test]
fn json_of_one_hundred_levels_is_json_and_of_101_is_kept_as_bytes() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels)).into_bytes();
    assert!(as_json(&nested(100)).is_some());
    assert_eq!(as_json(&nested(101)), None);
    // Neither many openings side by side nor those inside a string are depth.
    let wide = format!("[{}{{}}]", "[[]],{\"[{\\\"[\":[]},".repeat(200));
    assert!(as_json(wide.as_bytes()).is_some());
    let text = serde_json::to_vec(&"[\"{\\".repeat(200)).unwrap();
    assert!(as_json(&text).is_some());
}

#[test]
fn members_are_separated_by_commas() {
    let text = written(|out| {
        let mut first = true;
        out.push(b'{');
        write_key(out, &mut first, "a");
        write_bool(out, true);
        write_key(out, &mut first, "b\"");
        write_json_or_bytes(out, b"[1]");
        write_key(out, &mut first, "c");
        write_json_or_bytes(out, b"[1");
        out.push(b'}');
    });
    assert_eq!(text, r#"{"a":true,"b\"":[1],"c":{"$bytes":"WzE="}}"#);
}
