//! The documents that the fleet's tools search: one collection, so that the same passages come back again and again,
//! as they do from a real index.

use std::sync::LazyLock;

use crate::dice::Dice;
use crate::prose::Prose;

/// Documents in the collection.
const DOCUMENTS: usize = 3_000;
/// Bytes of a document's text, on average.
const DOCUMENT_BYTES: usize = 1_500;
/// Passages of a document that a search may quote from.
const PASSAGES: usize = 4;

/// One document.
#[derive(Debug)]
struct Document {
    title: String,
    text: String,
}

/// The collection, made once: it is the same for every seed.
static COLLECTION: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let mut dice = Dice::new(0x0064_6f63, 0);
    (0..DOCUMENTS)
        .map(|_| {
            let mut prose = Prose::new(&mut dice);
            let bytes = dice.log_normal(DOCUMENT_BYTES as f64, 0.4) as usize;
            Document {
                title: prose.title(4, &mut dice),
                text: prose.text(bytes, &mut dice),
            }
        })
        .collect()
});

/// What a search found: title, and about `bytes` bytes of one of its passages. Of the documents a few are found often
/// and most of them rarely, as Zipf's law says.
pub(crate) fn passage(bytes: usize, dice: &mut Dice) -> (&'static str, String) {
    let rank = (DOCUMENTS as f64).powf(dice.unit()) as usize - 1;
    let document = &COLLECTION[rank.min(DOCUMENTS - 1)];
    let start = document.text.len() / PASSAGES * dice.between(0, PASSAGES - 1);
    let mut passage = String::with_capacity(bytes + 16);
    // A quote longer than the rest of the document goes on at its beginning.
    for word in document.text[document.text.ceil_char_boundary(start)..]
        .split(' ')
        .skip(1)
        .chain(document.text.split(' ').cycle())
    {
        if !passage.is_empty() && passage.len() + word.len() > bytes {
            break;
        }
        if !passage.is_empty() {
            passage.push(' ');
        }
        passage.push_str(word);
    }
    (&document.title, passage)
}
