//! One line to many.

use crate::json;

/// Appends documents that are written without white space, each ended by a line feed, spread over lines with two spaces
/// for each level.
pub fn indent(compact: &[u8], out: &mut Vec<u8>) {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = compact.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let end = json::string_end(compact, at - 1);
                out.extend_from_slice(&compact[at - 1..end]);
                at = end;
            }
            b'{' | b'[' => {
                out.push(byte);
                match compact.get(at) {
                    Some(&close @ (b'}' | b']')) => {
                        out.push(close);
                        at += 1;
                    }
                    _ => {
                        depth += 1;
                        new_line(out, depth);
                    }
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(b',');
                new_line(out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
    }
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_spread_as_serde_json_spreads_them() {
        let document = serde_json::json!({"a": {}, "b": [], "c": [1, {"d": "x:{,\\\" y"}], "e": null});
        let mut out = Vec::new();
        indent(format!("{document}\n{document}\n").as_bytes(), &mut out);
        let pretty = serde_json::to_string_pretty(&document).unwrap_or_default();
        assert_eq!(String::from_utf8(out), Ok(format!("{pretty}\n{pretty}\n")));
    }
}
