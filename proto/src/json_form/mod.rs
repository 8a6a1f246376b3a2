//! A message as the JSON document that people and scripts read: what `parse_events` prints.
//!
//! It is not the form of the store's columns: it has fewer fields, bytes are hexadecimal, numbers that JSON lacks are
//! null, and keys come in an order that reads well. A document is written from the borrowed view straight into a buffer,
//! on one line; [`indent`] spreads it over many.
//!
//! | file | noun |
//! |---|---|
//! | `header.rs`, `time.rs` | the header that all documents share, and its time as text |
//! | `event.rs`, `tool_execution.rs`, .. | the keys of one message type each |
//! | `names.rs` | how enum numbers are called |
//! | `object.rs`, `hex.rs` | members of an object, and bytes as text |
//! | `embedded.rs` | JSON that a producer sent as bytes |
//! | `indent.rs` | one line to many |

mod checkpoint;
mod embedded;
mod error;
mod event;
mod event_batch;
mod execution_trace;
mod header;
mod hex;
mod indent;
mod metrics;
mod names;
mod object;
mod state_diff;
mod time;
mod token_chunk;
mod tool_execution;

pub(crate) use hex::write_hex;
pub use indent::indent;
pub use names::Names;

use crate::decoder::{Decoded, Message};
use crate::header::Header;

/// How messages become JSON documents. The message must come from a decoder
/// [for display](crate::Decoder::for_display).
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonForm {
    /// How enum numbers are called.
    pub names: Names,
    /// Whether the events of an EventBatch are documents in place of the batch.
    pub expand_batches: bool,
}

impl JsonForm {
    /// Writes the documents of one message, each on one line that ends with a line feed, and gives their number: 1, but
    /// for an expanded batch.
    pub fn write(&self, decoded: &Decoded<'_>, out: &mut Vec<u8>) -> usize {
        self.write_accepted(decoded, |_| true, out)
    }

    /// As [`Self::write`], but only the documents with a header that is accepted.
    pub fn write_accepted(
        &self,
        decoded: &Decoded<'_>,
        mut accept: impl FnMut(Option<&Header<'_>>) -> bool,
        out: &mut Vec<u8>,
    ) -> usize {
        let (names, composed) = (self.names, decoded.composed);
        if let Message::EventBatch(view) = &decoded.message
            && self.expand_batches
        {
            let mut count = 0;
            for event in view.events.iter().filter(|event| accept(event.header.as_ref())) {
                event::write(event, names, composed, out);
                out.push(b'\n');
                count += 1;
            }
            return count;
        }
        if !accept(decoded.message.header()) {
            return 0;
        }
        match &decoded.message {
            Message::Event(view) => event::write(view, names, composed, out),
            Message::StateDiff(view) => state_diff::write(view, names, out),
            Message::TokenChunk(view) => token_chunk::write(view, names, out),
            Message::ToolExecution(view) => tool_execution::write(view, names, out),
            Message::Checkpoint(view) => checkpoint::write(view, names, out),
            Message::Metrics(view) => metrics::write(view, names, composed, out),
            Message::Error(view) => error::write(view, names, composed, out),
            Message::EventBatch(view) => event_batch::write(view, names, out),
            Message::ExecutionTrace(view) => execution_trace::write(view, names, out),
        }
        out.push(b'\n');
        1
    }
}

#[cfg(test)]
mod tests;
