//! A text of several statements, taken apart.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::Result;
use crate::limits;

/// Takes a text apart at the semicolons between statements; those inside of quotes and comments stay. Parts that
/// hold nothing but blanks and comments are left out.
///
/// # Errors
/// [`SqlError::TooLong`](crate::SqlError::TooLong), and [`SqlError::Question`](crate::SqlError::Question) for a quote
/// or comment that never ends.
pub fn split(text: &str) -> Result<Vec<&str>> {
    limits::check_length(text)?;
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(limits::tokenizer_error)?;
    let places = Places::new(text);
    let mut parts = Vec::new();
    let mut start = 0;
    let mut says_something = false;
    for token in &tokens {
        match &token.token {
            Token::SemiColon => {
                let end = places.byte(token.span.start.line, token.span.start.column);
                if says_something {
                    parts.push(text[start..end].trim());
                }
                start = end + 1;
                says_something = false;
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => says_something = true,
        }
    }
    if says_something {
        parts.push(text[start..].trim());
    }
    Ok(parts)
}

/// From the lines and columns of the tokenizer, which counts characters from 1, to bytes.
struct Places<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, lines }
    }

    fn byte(&self, line: u64, column: u64) -> usize {
        let line = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text[start..]
            .char_indices()
            .nth(column)
            .map_or(self.text.len(), |(at, _)| start + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes_and_comments() {
        let text = "select ';' as \"a;b\"; -- not; here\n /* nor; here */ select 'ü;' ;;\n select 3";
        let parts = split(text).unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], "select ';' as \"a;b\"");
        assert!(parts[1].ends_with("select 'ü;'"), "{}", parts[1]);
        assert_eq!(parts[2], "select 3");
    }

    #[test]
    fn blanks_and_comments_are_no_statement() {
        assert!(split(" ;; -- nothing\n; /* nothing */").unwrap().is_empty());
        assert!(split("").unwrap().is_empty());
    }

    #[test]
    fn a_quote_that_never_ends_is_an_error() {
        assert!(split("select 'a").is_err());
    }

    #[test]
    fn a_text_beyond_the_limit_is_refused() {
        assert!(split(&" ".repeat(limits::SQL_BYTES_MAX + 1)).is_err());
    }
}
