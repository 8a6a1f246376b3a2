//! JSON text, written and read independently of the crate under test. Numbers are compared as text, members keep
//! their exact text, so that nothing is rounded on the way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::IgnoredAny;

/// A JSON string.
pub fn string(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A number, or `{"$float": name}` where JSON has none.
pub fn float(value: f64) -> String {
    if value.is_finite() {
        serde_json::to_string(&value).unwrap()
    } else {
        let name = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        format!("{{\"$float\":\"{name}\"}}")
    }
}

/// `{"$bytes": base64}`.
pub fn bytes(value: &[u8]) -> String {
    format!("{{\"$bytes\":\"{}\"}}", BASE64.encode(value))
}

/// Whether bytes are one JSON value in UTF-8 of at most 100 levels.
pub fn is_json(value: &[u8]) -> bool {
    let is_deep = value.starts_with(&[b'['; 101]);
    !is_deep && is_readable(value)
}

/// Whether bytes are one JSON value in UTF-8.
pub fn is_readable(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Bytes that should be JSON: as they are, or as `{"$bytes": base64}`.
pub fn json_or_bytes(value: &[u8]) -> String {
    if is_json(value) {
        String::from_utf8(value.to_vec()).unwrap()
    } else {
        bytes(value)
    }
}

/// An object of members in the given order.
pub fn object<K: AsRef<str>>(members: impl IntoIterator<Item = (K, String)>) -> String {
    let members: Vec<_> = members
        .into_iter()
        .map(|(key, value)| format!("{}:{value}", string(key.as_ref())))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// An array.
pub fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// The shape of a JSON value; parts are still text.
#[derive(Debug, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// The digits as written.
    Number(&'a str),
    String(String),
    Array(Vec<&'a str>),
    Object(Vec<(String, &'a str)>),
}

/// Reads one level of a JSON value. Parts keep their exact text, white space included.
pub fn parse(text: &str) -> Json<'_> {
    let text = text.trim();
    match text.as_bytes()[0] {
        b'n' => Json::Null,
        b't' | b'f' => Json::Bool(text == "true"),
        // A lone surrogate is JSON, but no text.
        b'"' => Json::String(serde_json::from_str(text).unwrap_or_default()),
        b'[' => Json::Array(parts(&text[1..text.len() - 1])),
        b'{' => Json::Object(
            parts(&text[1..text.len() - 1])
                .into_iter()
                .map(|member| {
                    let colon = end_of_value(member);
                    let key = serde_json::from_str(&member[..colon]).unwrap();
                    (key, member[colon..].strip_prefix(':').unwrap())
                })
                .collect(),
        ),
        _ => Json::Number(text),
    }
}

/// Where the first value (or key) of `text` ends.
fn end_of_value(text: &str) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for (index, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b',' | b':' if depth == 0 => return index,
            _ => {}
        }
    }
    text.len()
}

/// Splits at the commas of the outermost level.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = end_of_value(rest);
        if rest[end..].starts_with(':') {
            // A member: the key ended here, its value follows.
            end += 1 + end_of_value(&rest[end + 1..]);
        }
        parts.push(&rest[..end]);
        rest = rest[end..].strip_prefix(',').unwrap_or_default();
    }
    parts
}

/// `{"$bytes": base64}` back to bytes.
pub fn as_bytes(json: &Json<'_>) -> Option<Vec<u8>> {
    match json {
        Json::Object(members) if members.len() == 1 && members[0].0 == "$bytes" => {
            match parse(members[0].1) {
                Json::String(text) => Some(BASE64.decode(text).unwrap()),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `{"$float": name}` back to a number.
pub fn as_float(json: &Json<'_>) -> Option<f64> {
    match json {
        Json::Object(members) if members.len() == 1 && members[0].0 == "$float" => {
            match parse(members[0].1) {
                Json::String(text) => Some(match text.as_str() {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    other => panic!("no such float: {other}"),
                }),
                _ => None,
            }
        }
        _ => None,
    }
}
