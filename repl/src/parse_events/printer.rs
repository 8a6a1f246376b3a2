//! Documents to standard output.

use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::{Result, anyhow};
use quipu::proto::json_form::indent;

use super::account::Account;
use super::cli::Args;
use super::newest::Newest;
use super::piece::Piece;
use crate::failure::OutputError;

/// Takes pieces in their order and prints their documents, as they come or at the end.
#[derive(Debug)]
pub(super) struct Printer<W> {
    out: W,
    is_pretty: bool,
    spread: Vec<u8>,
    /// Documents that are still wanted.
    left: Option<u64>,
    newest: Option<Newest>,
    pub(super) account: Account,
}

impl Printer<io::Stdout> {
    /// A printer to standard output.
    pub(super) fn new(args: &Args) -> Self {
        Self::to(io::stdout(), args)
    }
}

impl<W: Write> Printer<W> {
    fn to(out: W, args: &Args) -> Self {
        Self {
            out,
            is_pretty: args.is_pretty(),
            spread: Vec::new(),
            left: args.limit,
            newest: args.last.map(Newest::new),
            account: Account::default(),
        }
    }

    /// Whether all that is wanted was printed.
    pub(super) fn is_satisfied(&self) -> bool {
        self.left == Some(0)
    }

    /// How many of the newest documents were found.
    pub(super) fn newest_count(&self) -> usize {
        self.newest.as_ref().map_or(0, Newest::len)
    }

    /// Prints a piece. Breaks when nothing more is wanted.
    pub(super) fn take(&mut self, piece: &Piece) -> Result<ControlFlow<()>> {
        let taken = self.left.map_or(piece.count, |left| left.min(piece.count));
        // What lies behind the last document that is wanted was not asked for.
        let is_last = self.left.is_some_and(|left| left <= piece.count);
        let within = |after: u64| if is_last { after < taken } else { true };
        for number in piece.numbers.iter().filter(|number| within(number.after)) {
            self.account.number(number);
        }
        for rejected in piece.rejected.iter().filter(|rejected| within(rejected.after)) {
            self.account.reject(rejected);
        }
        let documents = if taken < piece.count {
            first_lines(&piece.documents, taken)
        } else {
            &piece.documents
        };
        match &mut self.newest {
            Some(newest) => {
                let lines = documents.split_inclusive(|byte| *byte == b'\n');
                for (time, document) in piece.times.iter().zip(lines) {
                    newest.add(*time, document);
                }
            }
            None => {
                self.print(documents)?;
                self.account.documents += taken;
            }
        }
        if let Some(left) = &mut self.left {
            *left -= taken;
        }
        if let Some(why) = &piece.failed {
            return Err(anyhow!("{why}"));
        }
        Ok(if self.is_satisfied() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    /// Prints what was kept for the end.
    pub(super) fn finish(&mut self) -> Result<()> {
        if let Some(newest) = self.newest.take() {
            let mut all = Vec::new();
            for document in newest.into_documents() {
                all.extend_from_slice(&document);
                self.account.documents += 1;
            }
            self.print(&all)?;
        }
        self.out.flush().map_err(OutputError)?;
        Ok(())
    }

    fn print(&mut self, documents: &[u8]) -> Result<(), OutputError> {
        if documents.is_empty() {
            return Ok(());
        }
        let bytes = if self.is_pretty {
            self.spread.clear();
            indent(documents, &mut self.spread);
            &self.spread
        } else {
            documents
        };
        self.out
            .write_all(bytes)
            .and_then(|()| self.out.flush())
            .map_err(OutputError)
    }
}

/// The first lines of a text, each with its line feed.
fn first_lines(text: &[u8], count: u64) -> &[u8] {
    let mut end = 0;
    for _ in 0..count {
        match text[end..].iter().position(|byte| *byte == b'\n') {
            Some(len) => end += len + 1,
            None => return text,
        }
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::piece::{Number, Rejected};
    use super::*;

    fn piece() -> Piece {
        let number = |after, sequence| Number {
            after,
            thread: 1,
            sequence,
            id: sequence,
            time_us: 0,
        };
        Piece {
            documents: b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n".to_vec(),
            count: 3,
            times: vec![30, 10, 20],
            rejected: vec![Rejected {
                after: 2,
                text: "frame 2".to_owned(),
            }],
            numbers: vec![number(0, 1), number(1, 2), number(2, 9)],
            failed: None,
        }
    }

    fn printed(arguments: &[&str]) -> (String, u64, u64) {
        let args = Args::try_parse_from([&["parse_events"], arguments].concat()).unwrap();
        let mut printer = Printer::to(Vec::new(), &args);
        let flow = printer.take(&piece()).unwrap();
        assert_eq!(flow.is_break(), printer.is_satisfied());
        printer.finish().unwrap();
        let text = String::from_utf8(printer.out).unwrap();
        (text, printer.account.documents, printer.account.rejected)
    }

    #[test]
    fn a_limit_ends_behind_its_last_document() {
        assert_eq!(
            printed(&["--compact", "-n", "2"]),
            ("{\"a\":1}\n{\"a\":2}\n".to_owned(), 2, 0)
        );
        assert_eq!(printed(&["--compact", "-n", "0"]), (String::new(), 0, 0));
        assert_eq!(printed(&["--compact", "-n", "9"]).1, 3);
        assert_eq!(printed(&["--compact"]).2, 1);
    }

    #[test]
    fn the_newest_come_at_the_end_and_pretty_spreads_them() {
        assert_eq!(
            printed(&["--pretty", "--last", "2"]).0,
            "{\n  \"a\": 3\n}\n{\n  \"a\": 1\n}\n"
        );
    }
}
