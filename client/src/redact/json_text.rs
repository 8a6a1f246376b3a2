//! JSON text without its secrets: strings are exchanged where they stand, and every other byte stays as it is, so that the
//! order of members, blanks and the digits of numbers are kept.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::names::Secrecy;
use super::pairs::{List, Role};
use super::{REDACTED, Redactor, shapes};

/// Whether a text is one JSON value.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The text without its secrets; none if it has none. It must be JSON, and stand as `place` says.
pub(super) fn replaced(redactor: &Redactor, text: &str, place: Place, depth: usize) -> Option<String> {
    // Without escapes, what is in a string is in the text too, so that one look at the whole tells of all strings. JSON within
    // strings has escapes.
    let is_clean = !text.contains('\\') && !redactor.has_rules() && !shapes::is_in(text);
    let mut exchanges = Exchanges::default();
    let mut exchange = |token: Range<usize>, secrecy: Secrecy| {
        let written = &text[token.clone()];
        let changed = if !written.starts_with('"') {
            secrecy.hides_numbers().then(|| REDACTED.to_owned())
        } else if secrecy != Secrecy::Open || !is_clean {
            redactor.replaced_under(secrecy, &unescaped(written), depth + 1)
        } else {
            None
        };
        if let Some(changed) = changed {
            exchanges.put(token, &changed);
        }
    };
    let bytes = text.as_bytes();
    // What the value that comes next is.
    let mut secrecy = place.secrecy;
    let mut role = Role::None;
    let mut open: Vec<Open> = Vec::new();
    // Strings and numbers of which is known only at the end of what they stand in what they are.
    let mut held: Vec<Held> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                let is_array = byte == b'[';
                let around = open.last();
                open.push(Open {
                    outside: secrecy,
                    is_array,
                    is_item: around.map_or(place.is_item, |around| around.is_array),
                    is_value: around.is_some_and(|around| match role {
                        Role::Value => !around.is_array,
                        _ => is_array && around.is_array && around.is_value,
                    }),
                    depth: open.len(),
                    held_from: held.len(),
                    ..Open::default()
                });
                if !is_array {
                    secrecy = Secrecy::Open;
                }
                role = Role::None;
                at += 1;
            }
            b'}' | b']' => {
                let closed = open.pop().unwrap_or_default();
                secrecy = closed.outside;
                if closed.is_value && (closed.is_array || closed.list.at() == 0) {
                    closed.hand_on(&mut held);
                } else {
                    for one in held.drain(closed.held_from..) {
                        let secrecy = closed.judged(&one);
                        exchange(one.token, secrecy);
                    }
                }
                at += 1;
            }
            b'"' | b'-' | b'0'..=b'9' => {
                let is_string = byte == b'"';
                let end = if is_string {
                    string_end(bytes, at)
                } else {
                    number_end(bytes, at)
                };
                let string = is_string.then(|| unescaped(&text[at..end]));
                if let Some(name) = &string
                    && let Some(after) = colon_after(bytes, end)
                {
                    secrecy = redactor.secrecy(name);
                    role = Role::of(name);
                    at = after;
                    continue;
                }
                let mut one = Held {
                    token: at..end,
                    secrecy,
                    role: std::mem::take(&mut role),
                    depth: 0,
                };
                let is_held = match open.last_mut() {
                    Some(around) => around.holds(redactor, &mut one, string.as_deref()),
                    None => false,
                };
                if is_held {
                    held.push(one);
                } else {
                    exchange(one.token, one.secrecy);
                }
                at = end;
            }
            b',' => {
                if let Some(around) = open.last_mut() {
                    around.list.advance();
                }
                role = Role::None;
                at += 1;
            }
            // Blanks and words.
            _ => at += 1,
        }
    }
    exchanges.applied(text)
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// What the name says that it stands under.
    pub(super) secrecy: Secrecy,
    /// Whether it is an item of a list.
    pub(super) is_item: bool,
}

/// An array or object that has not ended yet.
#[derive(Default)]
struct Open {
    /// What it stands under.
    outside: Secrecy,
    /// What the names in it say of the values beside them.
    name: Secrecy,
    is_array: bool,
    /// Whether it is an item of an array.
    is_item: bool,
    /// Whether it is the value of a pair, or an array in one.
    is_value: bool,
    list: List,
    /// How many are around it.
    depth: usize,
    /// Where what is held of it begins.
    held_from: usize,
}

/// A string or number whose name may still come.
struct Held {
    token: Range<usize>,
    /// What it is without that name.
    secrecy: Secrecy,
    /// What it is in the array or object that it stands in directly.
    role: Role,
    /// The depth of that one.
    depth: usize,
}

impl Open {
    /// Sees a string or number in it; `string` is the text of a string. Tells whether what it is is known only at the end.
    fn holds(&mut self, redactor: &Redactor, one: &mut Held, string: Option<&str>) -> bool {
        one.depth = self.depth;
        if self.is_array {
            one.secrecy = one.secrecy.max(self.list.item(redactor, string));
            // The role of a string follows from its place.
            one.role = match self.list.at() {
                0 if self.is_item && string.is_some() => Role::Name,
                1 if self.is_item && string.is_some() => Role::Value,
                _ => Role::None,
            };
        }
        if one.role == Role::Name
            && let Some(name) = string
        {
            self.name = self.name.max(redactor.secrecy_beside(name));
        }
        one.role == Role::Value || self.is_value && (self.is_array || one.role == Role::Wrapped)
    }

    /// What something is that was held to its end. In an array the second of two is what the first names, in an object each
    /// value, and all that stands in one.
    fn judged(&self, held: &Held) -> Secrecy {
        let is_own = held.depth == self.depth;
        let is_named = if self.is_array {
            is_own && held.role == Role::Value && self.list.at() == 1
        } else {
            !(is_own && held.role == Role::Wrapped)
        };
        if is_named {
            held.secrecy.max(self.name)
        } else {
            held.secrecy
        }
    }

    /// At its end, leaves what is held of it to what it is the value of. Only a name and its value have something to say of
    /// it, so that no more than these two are looked at, however much is held.
    fn hand_on(&self, held: &mut [Held]) {
        if self.is_array && self.list.at() == 1 {
            for one in held[self.held_from..].iter_mut().take(2) {
                one.secrecy = self.judged(one);
            }
        }
    }
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

/// Where the number that begins at `start` has ended.
fn number_end(bytes: &[u8], start: usize) -> usize {
    let len = bytes[start..]
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    len.map_or(bytes.len(), |len| start + len)
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

/// What is written in place of tokens of a text: by the beginning of each, its end and the string.
#[derive(Default)]
struct Exchanges(BTreeMap<usize, (usize, String)>);

impl Exchanges {
    /// Puts a string in the place of a token.
    fn put(&mut self, token: Range<usize>, string: &str) {
        let string = serde_json::Value::from(string).to_string();
        self.0.insert(token.start, (token.end, string));
    }

    /// The text with the exchanges; none if there are none.
    fn applied(self, text: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for (start, (end, string)) in self.0 {
            out.push_str(&text[copied..start]);
            out.push_str(&string);
            copied = end;
        }
        out.push_str(&text[copied..]);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const KEY: &str = "sk-proj-abcdefghijklmnopqrstuvwxyz";

    fn redacted(text: &str) -> Option<String> {
        assert!(is_json(text), "{text}");
        let out = replaced(&Redactor::new(), text, Place::default(), 0);
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
    fn values_go_whose_name_stands_beside_them() {
        for (text, expected) in [
            (
                r#"[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"HOST","value":"db"}]"#,
                r#"[{"name":"DB_PASSWORD","value":"[REDACTED]"},{"name":"HOST","value":"db"}]"#,
            ),
            // In any order, with what else there is.
            (
                r#"{"Value":"hunter2","type":"x","Name":"Api-Key","n":[{"value":"y"}]}"#,
                r#"{"Value":"[REDACTED]","type":"x","Name":"Api-Key","n":[{"value":"y"}]}"#,
            ),
            (
                r#"{"ParameterKey":"DbPassword","ParameterValue":1234}"#,
                r#"{"ParameterKey":"DbPassword","ParameterValue":"[REDACTED]"}"#,
            ),
            // Values inside are not those of the name outside, but where they are all that there is.
            (
                r#"{"key":"secret","value":{"a":"b","value":"c"},"val":"d"}"#,
                r#"{"key":"secret","value":{"a":"b","value":"c"},"val":"[REDACTED]"}"#,
            ),
            (
                r#"[{"key":"/prod/db.password","value":{"stringValue":"x"}},{"value":{"intValue":7},"key":"Db:Secret"}]"#,
                r#"[{"key":"/prod/db.password","value":{"stringValue":"[REDACTED]"}},{"value":{"intValue":"[REDACTED]"},"key":"Db:Secret"}]"#,
            ),
            (
                r#"{"name":"password","value":{"value":{"val":["x"]}}}"#,
                r#"{"name":"password","value":{"value":{"val":["[REDACTED]"]}}}"#,
            ),
            (
                r#"{"name":"Authorization","value":["x",["y",1,{"z":"z"}],null]}"#,
                r#"{"name":"Authorization","value":["[REDACTED]",["[REDACTED]","[REDACTED]",{"z":"z"}],null]}"#,
            ),
            (
                r#"{"headers":[["Host","x"],["Authorization", "dXNlcg=="],["Cookie","a=b"]]}"#,
                r#"{"headers":[["Host","x"],["Authorization", "[REDACTED]"],["Cookie","[REDACTED]"]]}"#,
            ),
            (
                r#"{"args":["mysql","--password","hunter2","-h","db","--token",1,"x","--password",12,"--api-key"]}"#,
                r#"{"args":["mysql","--password","[REDACTED]","-h","db","--token",1,"x","--password","[REDACTED]","--api-key"]}"#,
            ),
            (
                r#"{"password":[["pwd","/home"],["token","x"]]}"#,
                r#"{"password":[["[REDACTED]","[REDACTED]"],["[REDACTED]","[REDACTED]"]]}"#,
            ),
            (
                r#"{"\u006eame":"pass\u0077ord","value":"\u0078"}"#,
                r#"{"\u006eame":"pass\u0077ord","value":"[REDACTED]"}"#,
            ),
        ] {
            assert_eq!(redacted(text).as_deref(), Some(expected));
            assert_eq!(redacted(expected), None, "{expected}");
        }
        for text in [
            r#"{"required":["password","email"],"name":"login","value":"x"}"#,
            r#"[["password","email","name"],["password"],["a",["password"],"b"],[["x"],"password"]]"#,
            r#"["password","email","--password","--verbose","x","--password",["y"],"z"]"#,
            r#"{"name":"password","value":""}"#,
            r#"{"name":"next_page_token","value":"0123456789abcdef0123456789"}"#,
            r#"{"key":"port","value":["password",[["q","r"],"s"]]}"#,
            r#"{"name":["password"],"value":"x"}"#,
            r#"{"key":"password","value":{"stringValue":"x","intValue":1}}"#,
            r#"{"a":{"stringValue":"x"},"key":"password"}"#,
            r#"[["--is-secret","x"]]"#,
        ] {
            assert_eq!(redacted(text), None, "{text}");
        }
    }

    #[test]
    fn values_in_values_are_each_looked_at_a_few_times() {
        // Looked at once a level, this would take minutes.
        let levels = 50_000;
        let items = vec![r#""x""#; levels].join(",");
        let values = r#"{"value":"#.repeat(levels);
        let text = format!(
            r#"{{"name":"password","value":{values}[{items}]{}}}"#,
            "}".repeat(levels)
        );
        let out = replaced(&Redactor::new(), &text, Place::default(), 0).unwrap();
        assert_eq!(out.matches("[REDACTED]").count(), levels);
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
