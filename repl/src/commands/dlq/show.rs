//! `quipu dlq show`: letters whole, their payload as hexadecimal beside what of it is text.

use std::fmt::Write;

use anyhow::Result;
use quipu::ingest::dead_letters::{Letter, LetterIndex};
use tokio::runtime::Runtime;

use super::choice::ChoiceArgs;
use crate::cli::Global;
use crate::output::escape;
use crate::query::Query;
use crate::units;

/// Bytes of a payload that are shown unless more are asked for.
const SHOWN_BYTES: u64 = 1024;

const BYTES_A_LINE: usize = 16;

/// Arguments of `quipu dlq show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    letters: ChoiceArgs,

    /// How much of each payload to show, such as 64KiB [default: 1KiB]
    #[arg(long, value_name = "N", value_parser = units::bytes)]
    bytes: Option<u64>,
}

pub(super) fn command(global: &Global, args: &Args, runtime: &Runtime) -> Result<()> {
    let query = Query::open(global)?;
    let choice = args.letters.choice(&query, runtime)?;
    let snapshot = query.quipu().snapshot()?;
    let limit = usize::try_from(args.bytes.unwrap_or(SHOWN_BYTES)).unwrap_or(usize::MAX);
    let mut out = query.output();
    let mut first = true;
    for letters in LetterIndex::read(&snapshot)?.letters(&choice) {
        for letter in letters? {
            if !std::mem::take(&mut first) {
                out.line("")?;
            }
            out.text(&text(&letter, limit))?;
        }
    }
    out.flush()
}

fn text(letter: &Letter, limit: usize) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12}{}", escape::visible(value));
    };
    line("letter", &letter.place.to_string());
    line(
        "reason",
        letter.reason.map_or("unknown", |reason| reason.as_str()),
    );
    line("error", &letter.error);
    line("policy", &letter.policy);
    if let Some(key) = &letter.key {
        line("key", &String::from_utf8_lossy(key));
    }
    if let Some(headers) = &letter.headers {
        line("headers", headers);
    }
    match &letter.payload {
        None => line("payload", "none"),
        Some(payload) => {
            line("payload", &format!("{} bytes", payload.len()));
            let shown = &payload[..payload.len().min(limit)];
            dump(shown, &mut text);
            if shown.len() < payload.len() {
                let _ = writeln!(
                    text,
                    "            {} bytes more; --bytes shows more, `quipu dlq export` writes all",
                    payload.len() - shown.len()
                );
            }
        }
    }
    text
}

fn dump(bytes: &[u8], text: &mut String) {
    for (line, part) in bytes.chunks(BYTES_A_LINE).enumerate() {
        let _ = write!(text, "  {:08x}  ", line * BYTES_A_LINE);
        for at in 0..BYTES_A_LINE {
            match part.get(at) {
                Some(byte) => {
                    let _ = write!(text, "{byte:02x} ");
                }
                None => text.push_str("   "),
            }
        }
        text.push(' ');
        text.extend(part.iter().map(|byte| match byte {
            0x20..0x7f => char::from(*byte),
            _ => '.',
        }));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_beside_their_text() {
        let mut text = String::new();
        dump(b"\x00agent \x1b[31mred\xff", &mut text);
        assert_eq!(
            text,
            "  00000000  00 61 67 65 6e 74 20 1b 5b 33 31 6d 72 65 64 ff  .agent .[31mred.\n"
        );
    }
}
