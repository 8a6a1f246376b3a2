//! Documents that a store keeps: baselines, comparisons, results of suites and benchmarks. SQL reads them as
//! `system.evaluations`, and the views over it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Result;
use crate::file::{self, Overwrite};

/// The folder of a store in which they lie.
pub const FOLDER: &str = "evals";

/// What kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// A [`Baseline`](crate::Baseline).
    Baseline,
    /// A [`ComparisonDocument`](crate::judge::ComparisonDocument).
    Comparison,
    /// The result of a suite.
    Suite,
    /// A benchmark.
    Benchmark,
}

impl Kept {
    /// The folder of its kind.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Baseline => "baselines",
            Self::Comparison => "comparisons",
            Self::Suite => "suites",
            Self::Benchmark => "benchmarks",
        }
    }

    /// Where a store keeps the document of that name.
    #[must_use]
    pub fn path(self, store: &Path, name: &str) -> PathBuf {
        store
            .join(FOLDER)
            .join(self.folder())
            .join(format!("{}.json", file_name(name)))
    }

    /// Keeps a document under a name, whole at every moment.
    ///
    /// # Errors
    /// It is there already and is not to be replaced, or cannot be written.
    pub fn keep(
        self,
        store: &Path,
        name: &str,
        document: &impl Serialize,
        overwrite: Overwrite,
    ) -> Result<PathBuf> {
        let path = self.path(store, name);
        file::write(&path, document, overwrite, self.folder())?;
        Ok(path)
    }

    /// A name for a document of now: the application and the time.
    #[must_use]
    pub fn name_of_now(app_name: &str) -> String {
        // The name is cut, not the time.
        let time = chrono::Utc::now().format("%Y%m%dT%H%M%S%.3fZ");
        let name: String = app_name.chars().take(NAME_MAX - 24).collect();
        format!("{name}-{time}")
    }
}

/// Characters of a name, of up to four bytes each.
const NAME_MAX: usize = 50;

/// A name as the name of a file: nothing in it leads out of the folder.
fn file_name(name: &str) -> String {
    let safe = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let name: String = name
        .chars()
        .map(|letter| if safe(letter) { letter } else { '_' })
        .collect();
    // What most file systems take as a name, with room for the time and the ending.
    let name: String = name.chars().take(NAME_MAX).collect();
    // Hidden files are no documents.
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None if name.is_empty() => "_".to_owned(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let path = |name| Kept::Baseline.path(Path::new("store"), name);
        assert_eq!(
            path("app_v1.0.0"),
            Path::new("store/evals/baselines/app_v1.0.0.json")
        );
        assert_eq!(path("../../x"), Path::new("store/evals/baselines/_._.._x.json"));
        assert_eq!(path(""), Path::new("store/evals/baselines/_.json"));
    }

    #[test]
    fn a_document_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |overwrite| Kept::Suite.keep(folder.path(), "a", &[1, 2], overwrite);
        let path = keep(Overwrite::No).unwrap();
        assert!(keep(Overwrite::No).is_err());
        keep(Overwrite::Yes).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(serde_json::from_str::<Vec<i32>>(&text).unwrap(), [1, 2]);
    }
}
