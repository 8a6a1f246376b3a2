//! Where cases stand in the file of a suite.

use jiter::{Jiter, JiterResult};

/// The line of each case in the text of a suite, counted from 1: that of its `{`. Empty if the text is no suite.
#[must_use]
pub fn case_lines(text: &str) -> Vec<usize> {
    find(text).unwrap_or_default()
}

fn find(text: &str) -> JiterResult<Vec<usize>> {
    let mut reader = Jiter::new(text.as_bytes());
    let mut lines = Vec::new();
    let mut key = reader.next_object()?.map(str::to_owned);
    while let Some(name) = key {
        if name == "cases" {
            lines.clear();
            let mut case = reader.next_array()?;
            while let Some(peek) = case {
                lines.push(reader.current_position().line);
                reader.known_skip(peek)?;
                case = reader.array_step()?;
            }
        } else {
            reader.next_skip()?;
        }
        key = reader.next_key()?.map(str::to_owned);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_stands_where_it_begins() {
        let text = "{\n  \"name\": \"a{\",\n  \"cases\": [\n    {\"id\": \"1\"}, {\"id\": \"2\",\n     \"x\": [\"[{\"]},\n    {\n      \"id\": \
                    \"3\"\n    }\n  ],\n  \"version\": \"1\"\n}";
        assert_eq!(case_lines(text), [4, 4, 6]);
    }

    #[test]
    fn a_text_that_is_no_suite_has_no_cases() {
        for text in ["", "[]", "{\"cases\": 1}", "{\"cases\": [}"] {
            assert!(case_lines(text).is_empty(), "{text}");
        }
    }
}
