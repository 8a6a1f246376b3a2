//! The documents of one piece of input.

use serde_json::de::{Read, SliceRead, StrRead};
use serde_json::{Deserializer, Error};

use super::Counting;
use super::accumulator::Accumulator;
use super::parse::Fields;
use super::remarks::Notes;

/// What counts the documents of chunks.
#[derive(Debug)]
pub(super) struct ChunkReader {
    pub(super) accumulator: Accumulator,
    pub(super) notes: Notes,
    counting: Counting,
}

/// Marks UTF-8 at the start of a text, as some programs do.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl ChunkReader {
    pub(super) fn new(counting: Counting) -> Self {
        Self {
            accumulator: Accumulator::new(counting),
            notes: Notes::default(),
            counting,
        }
    }

    /// Counts the documents of a chunk. `number` is its place among the chunks of the input.
    pub(super) fn take(&mut self, number: u64, chunk: &[u8]) {
        self.notes.begin(number);
        match self.counting {
            Counting::Default => self.values(number, chunk),
            Counting::Reference => self.lines(number, chunk),
        }
    }

    /// One document a line, and nothing else on it.
    fn lines(&mut self, number: u64, chunk: &[u8]) {
        // A line feed at the end begins no further line.
        let chunk = chunk.strip_suffix(b"\n").unwrap_or(chunk);
        for (index, line) in (0..).zip(chunk.split(|byte| *byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                self.notes.blank();
                continue;
            }
            match std::str::from_utf8(line) {
                Err(_) => self.notes.unreadable("it is not UTF-8"),
                Ok(line) => match serde_json::from_str(line) {
                    Ok(fields) => self.count(order(number, index), &fields),
                    Err(error) => self.notes.unreadable(without_place(&error)),
                },
            }
        }
    }

    /// Documents one after another, whatever is between them: white space, or what makes them an array.
    fn values(&mut self, number: u64, chunk: &[u8]) {
        let text = simdutf8::basic::from_utf8(chunk).ok();
        let mut index = 0;
        let mut at = 0;
        while let Some(start) = next_value(chunk, at) {
            let place = (start, order(number, index));
            at = match text {
                _ if chunk[start] != b'{' => {
                    self.notes.unreadable("it does not begin with {");
                    after_line(chunk, start)
                }
                Some(text) => self.value(StrRead::new(&text[start..]), true, chunk, place),
                None => self.value(SliceRead::new(&chunk[start..]), false, chunk, place),
            };
            index += 1;
        }
    }

    /// Counts the document that begins at `start`, and gives the place behind it.
    fn value<'a>(
        &mut self,
        read: impl Read<'a>,
        is_text: bool,
        chunk: &'a [u8],
        (start, order): (usize, u64),
    ) -> usize {
        let mut documents = Deserializer::new(read).into_iter::<Fields<'a>>();
        match documents.next() {
            Some(Ok(fields)) => {
                let end = start + documents.byte_offset();
                // Texts that are stepped over are not looked into by the reader of JSON.
                if !is_text && std::str::from_utf8(&chunk[start..end]).is_err() {
                    self.notes.unreadable("it is not UTF-8");
                } else {
                    self.count(order, &fields);
                }
                end
            }
            Some(Err(error)) => {
                let next = next_document(chunk, start);
                // Told as if the input ended there, so that the words do not depend on where it was cut.
                let alone = serde_json::from_slice::<Fields<'a>>(&chunk[start..next]).err();
                self.notes.unreadable(without_place(&alone.unwrap_or(error)));
                next
            }
            None => chunk.len(),
        }
    }

    fn count(&mut self, order: u64, fields: &Fields<'_>) {
        match fields.document(self.counting) {
            Ok(document) => {
                self.accumulator.add(order, &document);
                self.notes.counted();
            }
            Err(misfit) => self.notes.misfit(misfit),
        }
    }
}

/// Place of a document in the input: that of its chunk, then that within.
fn order(chunk: u64, index: u64) -> u64 {
    chunk << 32 | index
}

/// Where the next value begins, if there is one.
fn next_value(chunk: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match chunk.get(at)? {
            b' ' | b'\n' | b'\r' | b'\t' | b',' | b'[' | b']' => at += 1,
            _ if chunk[at..].starts_with(BYTE_ORDER_MARK) => at += BYTE_ORDER_MARK.len(),
            _ => return Some(at),
        }
    }
}

/// Where the line after the one at `at` begins.
fn after_line(chunk: &[u8], at: usize) -> usize {
    let line = chunk[at..].iter().position(|byte| *byte == b'\n');
    line.map_or(chunk.len(), |len| at + len + 1)
}

/// Where reading goes on after a document that cannot be read: at the next line that begins one.
fn next_document(chunk: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        at = after_line(chunk, at);
        if at >= chunk.len() || chunk[at] == b'{' {
            return at;
        }
    }
}

/// The error without the line and column that it names, which are those of the chunk.
fn without_place(error: &Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Where a chunk may end: behind the last line feed that stands between two documents. No document holds a line that
/// ends with `}` before one that begins with `{`.
pub(super) fn cut(bytes: &[u8], from: usize, counting: Counting) -> Option<usize> {
    let mut end = bytes.len();
    while let Some(at) = bytes[from..end].iter().rposition(|byte| *byte == b'\n') {
        let at = from + at;
        let before = bytes[..at].strip_suffix(b"\r").unwrap_or(&bytes[..at]);
        let between = before.ends_with(b"}") && bytes.get(at + 1) == Some(&b'{');
        if between || counting == Counting::Reference {
            return Some(at + 1);
        }
        end = at;
    }
    None
}
