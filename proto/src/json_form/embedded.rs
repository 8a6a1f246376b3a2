//! JSON that a producer sent as bytes, inside a document.

use super::hex::write_hex;
use crate::json::{self, JsonField};

/// Writes the field: null without bytes, its JSON on one line, or its bytes in hexadecimal.
pub(super) fn write(out: &mut Vec<u8>, field: JsonField<'_>) {
    match field {
        JsonField::Empty => out.extend_from_slice(b"null"),
        JsonField::Bytes(bytes) => write_hex(out, bytes),
        JsonField::Json(text) => {
            let start = out.len();
            let doubtful = write_compact(out, text);
            // What the grammar allows and a reader of the document could not take in: half of a surrogate pair, a number
            // beyond the range of a double.
            if doubtful && serde_json::from_str::<serde_json::Value>(text).is_err() {
                out.truncate(start);
                write_hex(out, text.as_bytes());
            }
        }
    }
}

/// Longest run of digits that is a double in any case.
const DIGITS_MAX: usize = 300;

/// Appends well-formed JSON without the white space between its tokens, and says whether there is more to be checked
/// about it than its form.
fn write_compact(out: &mut Vec<u8>, text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut doubtful = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            b'"' => {
                let end = json::string_end(bytes, at);
                doubtful |= bytes[at..end].windows(2).any(|pair| pair == b"\\u");
                end
            }
            b'-' | b'0'..=b'9' => {
                let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let len = bytes[at..].iter().take_while(|byte| is_number(byte)).count();
                let number = &bytes[at..at + len];
                doubtful |= len > DIGITS_MAX || number.iter().any(|byte| matches!(byte, b'e' | b'E'));
                at + len
            }
            _ => at + 1,
        };
        out.extend_from_slice(&bytes[at..end]);
        at = end;
    }
    doubtful
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write(&mut out, JsonField::of(bytes));
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn json_of_many_lines_becomes_one_and_its_texts_stay() {
        assert_eq!(
            written(b"{\n  \"a b\" : [ 1, -2.5e3 , \" \\\" x \" ],\r\n\t\"c\": null\n}\n"),
            "{\"a b\":[1,-2.5e3,\" \\\" x \"],\"c\":null}"
        );
    }

    #[test]
    fn what_is_no_json_or_could_not_be_read_back_is_hexadecimal() {
        assert_eq!(written(b""), "null");
        assert_eq!(written(b"{\"a\":"), "\"7b2261223a\"");
        assert_eq!(written(b"\xff\xfe"), "\"fffe\"");
        assert_eq!(written(b"1e400"), "\"3165343030\"");
        assert_eq!(written(b"\"\\ud800\""), "\"225c756438303022\"");
        assert_eq!(written(b"[1e4,\"\\u00e9\"]"), "[1e4,\"\\u00e9\"]");
    }
}
