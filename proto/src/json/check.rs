//! Whether a text is one JSON value, without making anything of it.
//!
//! Arguments, results, states and the values of diffs pass through here, much of what producers send. serde_json reads the
//! same language and is the reference in the tests.

use super::scan::plain_len;
use crate::limits::JSON_NESTING_MAX;

/// Whether the text is one JSON value (RFC 8259) that nests no deeper than [`JSON_NESTING_MAX`].
///
/// Escapes of halves of surrogate pairs pass, as they do where serde_json skips a value.
pub(super) fn is_json(text: &str) -> bool {
    let mut check = Check {
        rest: text.as_bytes(),
        open: [0; WORDS],
        depth: 0,
    };
    check.value_and_end().is_some()
}

const WORDS: usize = JSON_NESTING_MAX.div_ceil(64);

/// What is left of the text, and which of the arrays and objects around it are objects: one bit each.
struct Check<'a> {
    rest: &'a [u8],
    open: [u64; WORDS],
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Array,
    Object,
}

/// `None` is the answer no.
type Checked = Option<()>;

impl Check<'_> {
    fn value_and_end(&mut self) -> Checked {
        self.skip_space();
        loop {
            // A value begins here.
            match self.next()? {
                b'"' => self.string()?,
                b'{' => {
                    self.enter(Around::Object)?;
                    if self.peek_after_space() == Some(b'}') {
                        self.leave();
                    } else {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.enter(Around::Array)?;
                    if self.peek_after_space() == Some(b']') {
                        self.leave();
                    } else {
                        continue;
                    }
                }
                first @ (b'-' | b'0'..=b'9') => self.number(first)?,
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                _ => return None,
            }
            // A value ended here, and perhaps those around it.
            loop {
                let next = self.peek_after_space();
                if self.depth == 0 {
                    return next.is_none().then_some(());
                }
                self.rest = self.rest.get(1..)?;
                match (self.around(), next?) {
                    (Around::Object, b'}') | (Around::Array, b']') => self.depth -= 1,
                    (Around::Object, b',') => {
                        self.skip_space();
                        self.key()?;
                        break;
                    }
                    (Around::Array, b',') => {
                        self.skip_space();
                        break;
                    }
                    _ => return None,
                }
            }
        }
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    #[inline]
    fn skip_space(&mut self) {
        while let [b' ' | b'\n' | b'\t' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    #[inline]
    fn peek_after_space(&mut self) -> Option<u8> {
        self.skip_space();
        self.rest.first().copied()
    }

    fn enter(&mut self, around: Around) -> Checked {
        if self.depth == JSON_NESTING_MAX {
            return None;
        }
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        match around {
            Around::Object => self.open[word] |= bit,
            Around::Array => self.open[word] &= !bit,
        }
        self.depth += 1;
        Some(())
    }

    /// Steps over the end of an empty array or object.
    fn leave(&mut self) {
        self.rest = &self.rest[1..];
        self.depth -= 1;
    }

    #[inline]
    fn around(&self) -> Around {
        let inner = self.depth - 1;
        if self.open[inner / 64] >> (inner % 64) & 1 == 1 {
            Around::Object
        } else {
            Around::Array
        }
    }

    /// A key, its colon, and the space up to its value.
    #[inline]
    fn key(&mut self) -> Checked {
        if self.next()? != b'"' {
            return None;
        }
        self.string()?;
        if self.peek_after_space()? != b':' {
            return None;
        }
        self.rest = &self.rest[1..];
        self.skip_space();
        Some(())
    }

    /// The rest of a string behind its first quote.
    #[inline]
    fn string(&mut self) -> Checked {
        loop {
            let len = plain_len(self.rest);
            let special = *self.rest.get(len)?;
            self.rest = &self.rest[len + 1..];
            match special {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let (digits, rest) = self.rest.split_at_checked(4)?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        self.rest = rest;
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// The rest of a number behind its first byte.
    #[inline]
    fn number(&mut self, first: u8) -> Checked {
        let first_digit = if first == b'-' { self.next()? } else { first };
        match first_digit {
            // Nothing but a fraction or an exponent follows a leading zero.
            b'0' => {
                if matches!(self.rest.first(), Some(b'0'..=b'9')) {
                    return None;
                }
            }
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if let [b'.', rest @ ..] = self.rest {
            self.rest = rest;
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                rest => rest,
            };
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Checked {
        if !self.next()?.is_ascii_digit() {
            return None;
        }
        self.skip_digits();
        Some(())
    }

    #[inline]
    fn skip_digits(&mut self) {
        while let [b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn word(&mut self, rest: &[u8]) -> Checked {
        self.rest = self.rest.strip_prefix(rest)?;
        Some(())
    }
}
