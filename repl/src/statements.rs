//! Where one SQL statement ends and the next begins, without parsing any: a semicolon counts unless it stands in
//! quotes, in a dollar-quoted text or in a comment.

/// A text cut into statements.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statements<'a> {
    /// The statements that a semicolon ended, without it; empty ones are left out.
    pub(crate) ended: Vec<&'a str>,
    /// What follows the last semicolon, if it is more than blanks and comments.
    pub(crate) rest: Option<&'a str>,
}

impl<'a> Statements<'a> {
    /// Cuts a text.
    pub(crate) fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut ended = Vec::new();
        let (mut start, mut at, mut has_code) = (0, 0, false);
        while let Some(&byte) = bytes.get(at) {
            let next = match byte {
                b'-' if bytes.get(at + 1) == Some(&b'-') => end_of_line(bytes, at),
                b'/' if bytes.get(at + 1) == Some(&b'*') => end_of_comment(bytes, at),
                b';' => {
                    if has_code {
                        ended.push(text[start..at].trim());
                    }
                    (start, has_code) = (at + 1, false);
                    at += 1;
                    continue;
                }
                byte if byte.is_ascii_whitespace() => at + 1,
                byte => {
                    has_code = true;
                    match byte {
                        b'\'' if has_escape_prefix(bytes, at) => end_of_quote(bytes, at, true),
                        b'\'' | b'"' => end_of_quote(bytes, at, false),
                        b'$' => end_of_dollar_quote(text, at),
                        _ => at + 1,
                    }
                }
            };
            at = next;
        }
        Self {
            ended,
            rest: has_code.then(|| text[start..].trim()),
        }
    }

    /// Every statement, also a last one without semicolon.
    pub(crate) fn all(self) -> impl Iterator<Item = &'a str> {
        self.ended.into_iter().chain(self.rest)
    }
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |length| at + length + 1)
}

/// The end of a block comment; block comments nest.
fn end_of_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of a quoted text. A doubled quote begins the next quoted text at once, which comes to the same.
fn end_of_quote(bytes: &[u8], open: usize, escapes: bool) -> usize {
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if escapes => at += 2,
            byte if byte == bytes[open] => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether a quote is that of `E'..'`, in which a backslash escapes.
fn has_escape_prefix(bytes: &[u8], quote: usize) -> bool {
    let before = |distance: usize| quote.checked_sub(distance).and_then(|at| bytes.get(at));
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    matches!(before(1), Some(b'e' | b'E')) && !before(2).is_some_and(in_word)
}

/// The end of `$tag$ .. $tag$`; one further where the dollar begins something else, such as `$1`.
fn end_of_dollar_quote(text: &str, open: usize) -> usize {
    let after = &text[open + 1..];
    let Some(length) = after.find(|c: char| !c.is_alphanumeric() && c != '_') else {
        return open + 1;
    };
    if !after[length..].starts_with('$') || after.starts_with(|c: char| c.is_ascii_digit()) {
        return open + 1;
    }
    let tag = &text[open..open + length + 2];
    let body = open + tag.len();
    text[body..]
        .find(tag)
        .map_or(text.len(), |length| body + length + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        Statements::of(text).all().collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_and_the_last_needs_none() {
        assert_eq!(
            all("select 1; select 2 ;;\n select 3"),
            ["select 1", "select 2", "select 3"]
        );
        assert_eq!(Statements::of("select 1;").rest, None);
        assert_eq!(Statements::of("select 1; select").rest, Some("select"));
    }

    #[test]
    fn quotes_hide_semicolons() {
        for text in [
            "select 'a;b'",
            "select 'it''s; b'",
            "select \"a;b\"",
            r"select 'a\'",
            r"select E'\';'",
        ] {
            assert_eq!(all(&format!("{text}; select 2")), [text, "select 2"]);
        }
    }

    #[test]
    fn a_word_that_ends_in_e_is_no_escape_prefix() {
        assert_eq!(all(r"select date'\'; select 2"), [r"select date'\'", "select 2"]);
    }

    #[test]
    fn comments_hide_semicolons_and_are_no_statements() {
        assert_eq!(
            all("-- a;b\nselect 1 -- c;\n; /* d; /* e; */ f; */ ; -- end"),
            ["-- a;b\nselect 1 -- c;"]
        );
        assert_eq!(
            all("select 4/2-1; select 1 - -1"),
            ["select 4/2-1", "select 1 - -1"]
        );
    }

    #[test]
    fn dollar_quotes_hide_semicolons_but_parameters_are_none() {
        assert_eq!(
            all("select $$a;b$$; select $t$;$$;$t$; select $1; select $2"),
            ["select $$a;b$$", "select $t$;$$;$t$", "select $1", "select $2"]
        );
    }

    #[test]
    fn what_is_left_open_is_the_rest() {
        for text in [
            "select 'a;",
            "select \"a;",
            "select $$a;",
            "select /* a;",
            "select E'\\';",
            "select E'\\",
        ] {
            assert_eq!(
                Statements::of(text),
                Statements {
                    ended: vec![],
                    rest: Some(text)
                }
            );
        }
        for text in ["", " \n", "-- only", "/* open", ";;"] {
            assert_eq!(
                Statements::of(text),
                Statements {
                    ended: vec![],
                    rest: None
                },
                "{text}"
            );
        }
    }

    #[test]
    fn letters_of_any_script_do_not_shift_the_cuts() {
        assert_eq!(
            all("select '東;京' as größe; select 'é'"),
            ["select '東;京' as größe", "select 'é'"]
        );
        assert_eq!(all("select $é$;$é$; select 2"), ["select $é$;$é$", "select 2"]);
    }
}
