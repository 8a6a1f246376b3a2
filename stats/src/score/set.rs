//! Lists in any order.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::fence;

/// Items in common by items in all (Jaccard 1912); two empty lists are equal. A list is a JSON array, else one item a line if
/// there are several lines, else separated by commas or semicolons; so are lines of which all but the last end with one. Where
/// an answer has a fenced block of Markdown the list is that. Items are compared after NFC, in lower case, without blanks and
/// list marks (`-`, `*`, `1.`) around them, and count once.
pub(super) fn score(actual: &str, expected: &str) -> f64 {
    let (actual, expected) = (items(actual), items(expected));
    let all = actual.union(&expected).count();
    if all == 0 {
        return 1.0;
    }
    actual.intersection(&expected).count() as f64 / all as f64
}

fn items(text: &str) -> BTreeSet<String> {
    let text = fence::inside(text).unwrap_or(text).trim();
    if let Ok(Value::Array(values)) = serde_json::from_str(text) {
        return set(values.iter().map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let wraps = lines.split_last().is_none_or(|(_, before)| {
        let mut before = before.iter().filter(|line| !line.is_empty());
        before.all(|line| line.ends_with(SEPARATORS))
    });
    if wraps {
        set(text.split(SEPARATORS).map(|item| without_mark(item).to_owned()))
    } else {
        set(lines
            .iter()
            .map(|line| without_mark(line).trim_end_matches(SEPARATORS).to_owned()))
    }
}

const SEPARATORS: [char; 2] = [',', ';'];

fn set(items: impl Iterator<Item = String>) -> BTreeSet<String> {
    items
        .map(|item| item.trim().nfc().collect::<String>().to_lowercase())
        .filter(|item| !item.is_empty())
        .collect()
}

/// A line or an item of a list without its mark.
fn without_mark(line: &str) -> &str {
    let line = line.trim();
    if let Some(rest) = ["- ", "* ", "• "].iter().find_map(|mark| line.strip_prefix(mark)) {
        return rest;
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(['.', ')']) {
        Some(item) if rest.len() < line.len() && item.starts_with(' ') => item,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_case_and_repetition_do_not_count() {
        assert_eq!(score("blue, Red, green, red", "red,green,blue"), 1.0);
    }

    #[test]
    fn a_list_may_be_written_in_several_ways() {
        let expected = r#"["red", "green", 3]"#;
        assert_eq!(score("- Red\n- green\n\n- 3\n", expected), 1.0);
        assert_eq!(score("1. red\n2. green\n3. 3", expected), 1.0);
        assert_eq!(score("red; green; 3", expected), 1.0);
        assert_eq!(score("red,\ngreen,\n3", expected), 1.0);
        assert_eq!(score("- red,\n- green;\n- 3", expected), 1.0);
        assert_eq!(score("- red\n- green,\n- 3", expected), 1.0);
        assert_eq!(score("1. red, green, 3", expected), 1.0);
        assert_eq!(score("1. red, 2. green, 3. 3", expected), 1.0);
        assert_eq!(score("Here they are:\n```\nred\ngreen\n3\n```", expected), 1.0);
        assert_eq!(score("```json\n[\"red\", \"green\", 3]\n```", expected), 1.0);
    }

    #[test]
    fn missing_and_added_items_both_cost() {
        assert_eq!(score("red, green", "red, green, blue"), 2.0 / 3.0);
        assert_eq!(score("red, green, blue, gold", "red, green"), 0.5);
        assert_eq!(score("", "red"), 0.0);
        assert_eq!(score(" ", "[]"), 1.0);
    }

    #[test]
    fn a_number_that_begins_a_line_is_no_mark() {
        assert_eq!(score("1.5 m\n2 m", "2 m, 1.5 m"), 1.0);
    }
}
