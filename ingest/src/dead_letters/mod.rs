//! What is done with dead letters after they were kept: retry, export, forward, import.
//!
//! | file | noun |
//! |---|---|
//! | `place.rs` | which letter: its place in the log; a choice of letters |
//! | `index.rs` | the letters of a snapshot, where they lie, and which are resolved |
//! | `letter.rs` | one letter, whole |
//! | `retry.rs`, `resolution.rs` | letters into the tables; the rows that say so |
//! | `request.rs`, `request_form.rs` | asking the running ingester to retry; requests and answers as JSON |
//! | `form.rs`, `foreign.rs` | the JSON forms of letters on topics: written, read |
//! | `export.rs` | letters to files |
//! | `forward.rs` | letters to a Kafka topic, after the commit that made them durable |
//! | `import.rs` | letters of other programs into the store |
//!
//! A letter is never changed and never deleted. What becomes of it is told by rows of `dead_letter_resolutions`, which are
//! committed together with the rows that its message becomes.

mod export;
mod foreign;
mod form;
mod forward;
mod import;
mod index;
mod letter;
mod place;
mod request;
mod request_form;
mod resolution;
mod retry;

pub use export::{ExportForm, ExportReport, export, export_payloads};
pub use foreign::{ForeignLetter, ForeignPayload};
pub use form::ServerLetter;
pub(crate) use forward::Forwarder;
pub use forward::{ForwardOptions, forward};
pub(crate) use import::LetterIntake;
pub use import::{LettersFile, import_files, import_kafka};
pub use index::LetterIndex;
pub use letter::Letter;
pub use place::{LetterChoice, LetterPlace};
pub use quipu_proto::letter::{INCLUDED_BYTES_MAX, LibraryLetter};
pub(crate) use request::attend;
pub use request::retry_or_ask;
pub use retry::{LeftLetter, ResolvedLetter, RetryReport, WhyLeft, retry};
