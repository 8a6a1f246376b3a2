//! Fenced blocks of Markdown, in which models like to answer.

const FENCE: &str = "```";

/// The inside of the first fenced block of a text, without the name of its language; none without a whole block.
pub(super) fn inside(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(FENCE)?;
    let (block, _) = rest.split_once(FENCE)?;
    // A language is a word that ends with its line, or in a block of one line with a blank.
    let end = block
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '+' | '_' | '.')))
        .unwrap_or(0);
    let (language, body) = block.split_at(end);
    let is_language = body.starts_with(['\n', '\r']) || body.starts_with(' ') && !language.is_empty();
    Some(if is_language { body.trim() } else { block.trim() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_may_have_a_language_a_line_of_its_own_and_text_around() {
        for (text, expected) in [
            ("```json\n{}\n```", Some("{}")),
            ("```\n{}\n```\n", Some("{}")),
            ("```json {}```", Some("{}")),
            ("```{}```", Some("{}")),
            ("```true```", Some("true")),
            (
                "Here it is:\r\n```json\r\n[1]\r\n```\r\nAnything else?",
                Some("[1]"),
            ),
            ("```\na\n```\n```\nb\n```", Some("a")),
            ("```json\n{}", None),
            ("{}", None),
        ] {
            assert_eq!(inside(text), expected, "{text}");
        }
    }
}
