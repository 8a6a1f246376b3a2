//! JSON text without its secrets: strings are exchanged where they stand, and every other byte stays as it is, so that the
//! order of members, blanks and the digits of numbers are kept.

use std::borrow::Cow;

use super::names::Secrecy;
use super::{REDACTED, Redactor, shapes};

/// Whether a text is one JSON value.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The text without its secrets; none if it has none. It must be JSON, and stand under a name that says this of it.
pub(super) fn replaced(redactor: &Redactor, text: &str, secrecy: Secrecy, depth: usize) -> Option<String> {
    // Without escapes, what is in a string is in the text too, so that one look at the whole tells of all strings. JSON within
    // strings has escapes.
    let is_clean = !text.contains('\\') && !redactor.has_rules() && !shapes::is_in(text);
    let mut writer = Writer {
        text,
        copied: 0,
        out: String::new(),
    };
    let bytes = text.as_bytes();
    // What the value that comes next is, and what it was outside of each open array and object.
    let mut secrecy = secrecy;
    let mut outside = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                outside.push(secrecy);
                if byte == b'{' {
                    secrecy = Secrecy::Open;
                }
                at += 1;
            }
            b'}' | b']' => {
                secrecy = outside.pop().unwrap_or_default();
                at += 1;
            }
            b'"' => {
                let end = string_end(bytes, at);
                let token = &text[at..end];
                if let Some(after) = colon_after(bytes, end) {
                    secrecy = redactor.secrecy(&unescaped(token));
                    at = after;
                    continue;
                }
                if secrecy != Secrecy::Open || !is_clean {
                    let string = unescaped(token);
                    if let Some(changed) = redactor.replaced_under(secrecy, &string, depth + 1) {
                        writer.exchange(at, end, &changed);
                    }
                }
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let len = bytes[at..]
                    .iter()
                    .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
                    .unwrap_or(bytes.len() - at);
                if secrecy.hides_numbers() {
                    writer.exchange(at, at + len, REDACTED);
                }
                at += len;
            }
            // Blanks, commas and words.
            _ => at += 1,
        }
    }
    writer.finish()
}

/// Where the string that begins at `start` has ended: behind its closing quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Behind the colon, if one follows: then the string before it is a name.
fn colon_after(bytes: &[u8], end: usize) -> Option<usize> {
    let blanks = bytes
        .get(end..)?
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())?;
    (bytes[end + blanks] == b':').then_some(end + blanks + 1)
}

/// The text of a string with its quotes.
fn unescaped(token: &str) -> Cow<'_, str> {
    let inside = token
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(token);
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let text = serde_json::from_str(token).or_else(|_| serde_json::from_str(&without_surrogates(token)));
    Cow::Owned(text.unwrap_or_else(|_| inside.to_owned()))
}

/// Half a pair of surrogates is no character: a replacement character stands for it.
fn without_surrogates(token: &str) -> String {
    let mut out = String::with_capacity(token.len());
    let mut rest = token;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let is_surrogate = matches!(
            escape.as_bytes(),
            [
                _,
                b'u',
                b'd' | b'D',
                b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F',
                _,
                _,
                ..,
            ]
        );
        // An escape is `\` and a character of one byte, or `\u` and four digits.
        let len = if is_surrogate { 6 } else { 2 };
        let (taken, after) = escape.split_at_checked(len).unwrap_or((escape, ""));
        out.push_str(if is_surrogate { "\\ufffd" } else { taken });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Copies a text, but for what is exchanged.
struct Writer<'a> {
    text: &'a str,
    copied: usize,
    out: String,
}

impl Writer<'_> {
    /// Writes a string in place of what stands from `start` to `end`.
    fn exchange(&mut self, start: usize, end: usize, string: &str) {
        self.out.push_str(&self.text[self.copied..start]);
        self.out.push_str(&serde_json::Value::from(string).to_string());
        self.copied = end;
    }

    fn finish(mut self) -> Option<String> {
        if self.copied == 0 {
            return None;
        }
        self.out.push_str(&self.text[self.copied..]);
        Some(self.out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const KEY: &str = "sk-proj-abcdefghijklmnopqrstuvwxyz";

    fn redacted(text: &str) -> Option<String> {
        assert!(is_json(text), "{text}");
        let out = replaced(&Redactor::new(), text, Secrecy::Open, 0);
        if let Some(out) = &out {
            assert!(is_json(out), "{out}");
        }
        out
    }

    #[test]
    fn only_strings_with_secrets_change() {
        let text =
            format!(r#"{{ "z" : 1.10, "a":["{KEY}", 1e400, "x"], "n": 123456789012345678901234567890}}"#);
        assert_eq!(
            redacted(&text).unwrap(),
            r#"{ "z" : 1.10, "a":["[OPENAI_KEY]", 1e400, "x"], "n": 123456789012345678901234567890}"#
        );
        assert_eq!(redacted(r#"{"a":[1,2,{"b":"x\ty"}],"a":null}"#), None);
    }

    #[test]
    fn what_escapes_hide_is_found() {
        let text = format!(r#"["sk\u002d{}", "https:\/\/u:hunter2@h\/x"]"#, &KEY[3..]);
        assert_eq!(
            redacted(&text).unwrap(),
            r#"["[OPENAI_KEY]", "https://[CREDENTIALS]@h/x"]"#
        );
        // Half a pair of surrogates is no text that a string can hold.
        let text = format!(r#"["\ud83d {KEY}", "\ud83d\ude00"]"#);
        assert_eq!(
            redacted(&text).unwrap(),
            "[\"\u{fffd} [OPENAI_KEY]\", \"\\ud83d\\ude00\"]"
        );
    }

    #[test]
    fn values_under_secret_names_go_in_arrays_too_but_not_in_objects() {
        let text = r#"{"password":"a","api_keys":["b",1,["c"],{"d":"e"}],"pin":1,"secret":{"f":"g"},"secret":null,"auth_token":true,"h":"i"}"#;
        assert_eq!(
            redacted(text).unwrap(),
            concat!(
                r#"{"password":"[REDACTED]","api_keys":["[REDACTED]","[REDACTED]",["[REDACTED]"],{"d":"e"}],"pin":1,"#,
                r#""secret":{"f":"g"},"secret":null,"auth_token":true,"h":"i"}"#
            )
        );
    }

    #[test]
    fn json_within_strings_stays_json() {
        let inner = format!(r#"{{"b":"{KEY}","a":1.0,"password":"x"}}"#);
        let outer = serde_json::Value::from(inner).to_string();
        let text = format!(r#"{{"arguments":{outer},"n":1}}"#);
        let out: serde_json::Value = serde_json::from_str(&redacted(&text).unwrap()).unwrap();
        assert_eq!(
            out["arguments"],
            r#"{"b":"[OPENAI_KEY]","a":1.0,"password":"[REDACTED]"}"#
        );
    }
}
