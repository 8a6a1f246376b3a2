//! A set of questions.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::case::EvalCase;
use crate::error::Result;
use crate::file::{self, Overwrite};

/// A set of questions with expected answers. `scoring` and `threshold` are optional in the file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct EvalSuite {
    /// Name of the suite.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Its version.
    pub version: String,
    /// The questions.
    pub cases: Vec<EvalCase>,
    /// Name of the scoring method for cases that name none, unless the run chooses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoring: Option<String>,
    /// Average from which the suite passes, 0 to 1, unless the run chooses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Keys that this version does not know. They are kept, and [`super::lint`] tells them: one may be misspelt.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl EvalSuite {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no suite.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_json(&Self::read(path)?).map_err(|error| error.in_file(path))
    }

    /// The text of a file, without a byte order mark, for those who need both the suite and the places of its cases.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Result<String> {
        let mut text = file::read(path.as_ref(), "eval suite")?;
        if text.starts_with(file::BYTE_ORDER_MARK) {
            text.drain(..file::BYTE_ORDER_MARK.len_utf8());
        }
        Ok(text)
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// The text is no suite.
    pub fn from_json(text: &str) -> Result<Self> {
        file::parse(text, "eval suite JSON")
    }

    /// Writes a file, in place of the one that may be there. It is whole at every moment; folders are made.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write(path.as_ref(), self, Overwrite::Yes, "eval suite")
    }

    /// How many cases it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether it has no cases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }
}
