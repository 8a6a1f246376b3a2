//! Text that is safe on one line of a terminal, of a log, or of an attribute.

/// A text on one line, with nothing in it that could steer a terminal: findings quote data.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    visible(&words.join(" "))
}

/// A text whose lines after the first are indented by as many blanks: what a model or a file says cannot pass for a line of the
/// report around it.
pub(crate) fn indented(text: &str, blanks: usize) -> String {
    let text = text
        .replace("\r\n", "\n")
        .replace(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    text.replace('\n', &format!("\n{:blanks$}", ""))
}

/// A text in which what does not show is written out. Line feeds are, too.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character steers a terminal or the direction of the text, or cannot stand in XML 1.0 (section 2.2, Char).
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_text_stay_inside_it() {
        assert_eq!(indented("a\r\nb\u{2028}c", 2), "a\n  b\n  c");
    }

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(one_line("red\u{1b}[31m\n\t two"), "red\\u{1b}[31m two");
        assert_eq!(visible("a\nb\u{202e}"), "a\\u{a}b\\u{202e}");
        assert_eq!(visible("ordinary: äöü 漢字 🦀"), "ordinary: äöü 漢字 🦀");
    }
}
