//! Characters that must not reach a terminal as they are: telemetry is written by strangers, and an escape
//! sequence in a tool's result could retitle the window, hide rows or type for the user.

/// Whether a character can steer a terminal or reorder the text around it: C0 and C1 controls, DEL, line and
/// paragraph separators, and the bidirectional overrides.
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends one character so that it can be seen and does nothing.
pub fn push_visible_char(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_unsafe(c) => push_code(out, c),
        c => out.push(c),
    }
}

/// Appends text on one line: line feeds and whatever could steer a terminal become visible escapes.
pub fn push_visible(out: &mut String, text: &str) {
    if text.chars().any(is_unsafe) {
        text.chars().for_each(|c| push_visible_char(out, c));
    } else {
        out.push_str(text);
    }
}

/// Text on one line, as [`push_visible`].
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_visible(&mut out, text);
    out
}

/// Appends the code of a character as JSON writes it. All unsafe characters lie in the basic plane.
pub fn push_code(out: &mut String, c: char) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.push(char::from(HEX[(u32::from(c) >> shift) as usize & 0xf]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_become_text() {
        assert_eq!(
            visible("\u{1b}[2J\u{9b}31m\u{7f}\0"),
            "\\u001b[2J\\u009b31m\\u007f\\u0000"
        );
    }

    #[test]
    fn bidirectional_overrides_become_text() {
        assert_eq!(visible("a\u{202e}b\u{2066}c"), "a\\u202eb\\u2066c");
    }

    #[test]
    fn a_value_stays_on_one_line() {
        assert_eq!(visible("a\nb\r\n\tc\u{2028}d"), "a\\nb\\r\\n\\tc\\u2028d");
    }

    #[test]
    fn letters_of_any_script_stay() {
        assert_eq!(visible("größe 東京 🧵 שלום"), "größe 東京 🧵 שלום");
    }
}
