//! Each kind of value as text and as JSON.

use std::collections::HashMap;
use std::sync::Arc;

use quipu::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int64Array, ListArray, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, UInt64Array,
};

use super::*;

fn both(field: &Field, array: ArrayRef) -> Vec<(String, String)> {
    (0..array.len())
        .map(|row| {
            let cell = Cell::of(field, array.as_ref(), row);
            let mut json = String::new();
            cell.push_json(&mut json);
            (cell.as_text("NULL").into_owned(), json)
        })
        .collect()
}

fn plain(array: ArrayRef) -> Vec<(String, String)> {
    both(&Field::new("x", array.data_type().clone(), true), array)
}

fn pair(text: &str, json: &str) -> (String, String) {
    (text.to_owned(), json.to_owned())
}

fn bytes_field(display: Option<Display>) -> Field {
    let metadata = display.map(|display| (quipu::DISPLAY_KEY.to_owned(), display.as_str().to_owned()));
    Field::new("x", DataType::Binary, true).with_metadata(HashMap::from_iter(metadata))
}

#[test]
fn whole_numbers_are_exact_at_their_limits() {
    assert_eq!(
        plain(Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        [
            pair("18446744073709551615", "18446744073709551615"),
            pair("0", "0")
        ]
    );
    assert_eq!(
        plain(Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        [
            pair("-9223372036854775808", "-9223372036854775808"),
            pair("NULL", "null")
        ]
    );
}

#[test]
fn floats_are_shortest_and_read_back_the_same() {
    let values = [0.1, 1.0, -0.0, 1e300, 5e-324, 0.1 + 0.2, f64::MAX];
    for (value, (text, json)) in values
        .iter()
        .zip(plain(Arc::new(Float64Array::from(values.to_vec()))))
    {
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        assert_eq!(json.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{json}");
    }
    assert_eq!(
        plain(Arc::new(Float64Array::from(vec![0.1, 2.0])))[1],
        pair("2.0", "2.0")
    );
    assert_eq!(
        plain(Arc::new(Float32Array::from(vec![0.1]))),
        [pair("0.1", "0.1")]
    );
}

#[test]
fn floats_that_are_not_finite_are_text_but_null_in_json() {
    assert_eq!(
        plain(Arc::new(Float64Array::from(vec![
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY
        ]))),
        [pair("NaN", "null"), pair("inf", "null"), pair("-inf", "null")]
    );
}

#[test]
fn decimals_keep_their_digits() {
    let array = Decimal128Array::from(vec![123_450])
        .with_precision_and_scale(20, 4)
        .unwrap();
    assert_eq!(plain(Arc::new(array)), [pair("12.3450", "12.3450")]);
}

#[test]
fn times_are_rfc_3339_and_raw_beyond_it() {
    let array = TimestampMicrosecondArray::from(vec![1_767_323_045_000_006, i64::MAX]).with_timezone("UTC");
    assert_eq!(
        plain(Arc::new(array)),
        [
            pair("2026-01-02T03:04:05.000006Z", "\"2026-01-02T03:04:05.000006Z\""),
            pair("9223372036854775807", "9223372036854775807")
        ]
    );
    assert_eq!(
        plain(Arc::new(Date32Array::from(vec![20_455]))),
        [pair("2026-01-02", "\"2026-01-02\"")]
    );
}

#[test]
fn sixteen_bytes_are_a_uuid_and_others_hexadecimal() {
    let id: Vec<u8> = (0..16).collect();
    let array: ArrayRef = Arc::new(BinaryArray::from(vec![id.as_slice(), &[0xfe, 0x0f], &[]]));
    let expected = [
        pair(
            "00010203-0405-0607-0809-0a0b0c0d0e0f",
            "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"",
        ),
        pair("fe0f", "\"fe0f\""),
        pair("", "\"\""),
    ];
    assert_eq!(both(&bytes_field(None), Arc::clone(&array)), expected);
    assert_eq!(both(&bytes_field(Some(Display::Uuid)), array), expected);
}

#[test]
fn the_column_says_how_its_bytes_are_shown() {
    let id = [b'a'; 16];
    let array: ArrayRef = Arc::new(BinaryArray::from(vec![id.as_slice(), &[0xff]]));
    assert_eq!(
        both(&bytes_field(Some(Display::Hex)), Arc::clone(&array))[0].0,
        "61".repeat(16)
    );
    assert_eq!(
        both(&bytes_field(Some(Display::Text)), array),
        [
            pair(&"a".repeat(16), &format!("\"{}\"", "a".repeat(16))),
            pair("ff", "\"ff\"")
        ]
    );
}

#[test]
fn json_text_stays_a_string() {
    assert_eq!(
        plain(Arc::new(StringArray::from(vec![r#"{"a":1}"#]))),
        [pair(r#"{"a":1}"#, r#""{\"a\":1}""#)]
    );
}

#[test]
fn json_strings_read_back_the_same_and_hold_no_control_characters() {
    let text = "q\" b\\ n\n t\t esc\u{1b} csi\u{9b} del\u{7f} nul\0 rlo\u{202e} 🧵";
    let json = &plain(Arc::new(StringViewArray::from(vec![text])))[0].1;
    assert_eq!(serde_json::from_str::<String>(json).unwrap(), text);
    assert!(!json.contains(escape::is_unsafe), "{json:?}");
}

#[test]
fn a_dictionary_is_its_values() {
    let array: DictionaryArray<Int32Type> = vec![Some("in_order"), None, Some("gap"), Some("in_order")]
        .into_iter()
        .collect();
    assert_eq!(
        plain(Arc::new(array)),
        [
            pair("in_order", "\"in_order\""),
            pair("NULL", "null"),
            pair("gap", "\"gap\""),
            pair("in_order", "\"in_order\"")
        ]
    );
}

#[test]
fn lists_and_structs_are_json_in_every_format() {
    let list =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    assert_eq!(
        plain(Arc::new(list)),
        [
            pair("[1,null]", "[1,null]"),
            pair("NULL", "null"),
            pair("[]", "[]")
        ]
    );
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a\"b"]));
    let truth: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let object = StructArray::from(vec![
        (Arc::new(Field::new("t", DataType::Utf8, true)), text),
        (Arc::new(Field::new("b", DataType::Boolean, true)), truth),
    ]);
    let json = r#"{"t":"a\"b","b":true}"#;
    assert_eq!(plain(Arc::new(object)), [pair(json, json)]);
}
