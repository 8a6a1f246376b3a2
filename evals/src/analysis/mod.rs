//! What `analyze_events` tells of a stream of messages: sessions, nodes, tools, tokens, errors, runs.
//!
//! ```text
//! JSON documents --input--> Document --\
//!                                       > Accumulator --report--> Report --> text, JSON, Markdown
//! rows of a store ---------> Document --/
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `document.rs` | one message as far as the analysis cares |
//! | `fields.rs`, `parse.rs` | JSON to documents: fields that may be of a wrong type; which fields a type needs |
//! | `chunk.rs`, `input.rs` | the documents of a piece of input; a whole input, cut into pieces for several threads |
//! | `remarks.rs` | what of the input was not understood |
//! | `accumulator.rs` | everything counted so far |
//! | `session.rs`, `node.rs`, `tool.rs`, `tokens.rs`, `errors.rs`, `runs.rs`, `durations.rs` | what is counted of each |
//! | `reference.rs` | the other way to count: as the reference does |
//! | `report.rs`, `rows.rs` | the finished numbers, and how they follow from what was counted |
//! | `text.rs`, `markdown.rs`, `json.rs` | one format a file |
//!
//! The result depends on the documents and their order, and not on how the input was cut or how many threads read it.

mod accumulator;
mod chunk;
mod document;
mod durations;
mod errors;
mod fields;
mod input;
mod json;
mod markdown;
mod node;
mod parse;
mod reference;
mod remarks;
mod report;
mod rows;
mod runs;
mod session;
mod text;
mod tokens;
mod tool;

use std::fmt;
use std::str::FromStr;

pub use accumulator::Accumulator;
pub use document::{Body, Document, Event, TokenChunk, TokenStats, ToolStage};
pub use input::{Input, read};
pub use json::to_json;
pub use markdown::to_markdown;
pub use remarks::{FirstRemark, Remarks};
pub use report::{
    ErrorRow, ErrorSources, GraphRuns, NodeRow, NodeRowMore, Report, ReportMore, SessionRow, SessionRowMore,
    Summary, SummaryMore, ToolRow, ToolRowMore,
};
pub use text::to_text;

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// What the words of the report say: a tool call is one call, a token is counted once, a failure is a failure.
    #[default]
    Default,
    /// What the reference counts, number for number: each stage of a tool call is a call, repeated token counts add up,
    /// threads of different tenants are one session, a line that is not one whole document is left out.
    Reference,
}

impl Counting {
    /// The name, as on the command line and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Reference => "reference",
        }
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no way to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCounting(pub String);

impl fmt::Display for UnknownCounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown counting {:?}: use default or reference", self.0)
    }
}

impl std::error::Error for UnknownCounting {}

impl FromStr for Counting {
    type Err = UnknownCounting;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Default, Self::Reference]
            .into_iter()
            .find(|counting| counting.as_str() == name)
            .ok_or_else(|| UnknownCounting(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
