//! `system.evaluations`: documents that the store keeps: baselines, comparisons, results of suites and benchmarks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::{batch, times};

/// The folder of a store in which they lie, each kind in a folder of its own.
const FOLDER: &str = "evals";

/// Kinds, with their folders.
const KINDS: [(&str, &str); 4] = [
    ("baseline", "baselines"),
    ("benchmark", "benchmarks"),
    ("comparison", "comparisons"),
    ("suite", "suites"),
];

/// The most bytes of a document that is shown: far above any that is written here.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The table. Documents are no part of a snapshot, so it reads them anew each time it is scanned.
#[derive(Debug)]
pub(super) struct Evaluations {
    root: PathBuf,
    schema: SchemaRef,
}

/// One document.
struct Document {
    kind: &'static str,
    name: String,
    modified_us: Option<i64>,
    text: String,
}

impl Evaluations {
    pub(super) fn new(root: &Path) -> Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            schema: rows(&[])?.schema(),
        })
    }
}

#[async_trait]
impl TableProvider for Evaluations {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = rows(&documents(&self.root)?)?;
        Ok(MemorySourceConfig::try_new_exec(
            &[vec![rows]],
            self.schema(),
            projection.cloned(),
        )?)
    }
}

/// `document` is the JSON text.
fn rows(documents: &[Document]) -> Result<RecordBatch> {
    let each = || documents.iter();
    batch([
        (
            "kind",
            Arc::new(StringViewArray::from_iter_values(each().map(|of| of.kind))),
        ),
        (
            "name",
            Arc::new(StringViewArray::from_iter_values(each().map(|of| &of.name))),
        ),
        ("modified", times(each().map(|of| of.modified_us))),
        (
            "document",
            Arc::new(StringViewArray::from_iter_values(each().map(|of| &of.text))),
        ),
    ])
}

/// All documents, by kind and name.
fn documents(root: &Path) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for (kind, folder) in KINDS {
        let folder = root.join(FOLDER).join(folder);
        let failed = |path: &Path, source: &io::Error| {
            DataFusionError::Execution(format!("cannot read {}: {source}", path.display()))
        };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&folder, &error)),
        };
        let first = documents.len();
        for entry in entries {
            let path = entry.map_err(|error| failed(&folder, &error))?.path();
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            // A name with a dot in front is a document that is being written.
            if name.starts_with('.') || path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Some(document) = document(kind, &path).map_err(|error| failed(&path, &error))? else {
                continue;
            };
            documents.push(document);
        }
        documents[first..].sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(documents)
}

/// The document of a file; none for what is no file, and for one that was removed in between.
fn document(kind: &'static str, path: &Path) -> io::Result<Option<Document>> {
    let about = match fs::metadata(path) {
        Ok(about) if about.is_file() => about,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if about.len() > BYTES_MAX {
        let (found, limit) = (about.len(), BYTES_MAX);
        return Err(io::Error::other(format!(
            "it has {found} bytes, and a document at most {limit}: move it out of the store"
        )));
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let modified = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(Some(Document {
        kind,
        name: path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned(),
        modified_us: modified.and_then(|since| i64::try_from(since.as_micros()).ok()),
        text,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_listed_by_kind_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert!(
            documents(folder.path()).unwrap().is_empty(),
            "none without the folder"
        );
        write("evals/suites/b.json", "{}");
        write("evals/suites/a.json", "[1]");
        write("evals/suites/.c.json", "half");
        write("evals/suites/notes.txt", "not ours");
        fs::create_dir(folder.path().join("evals/suites/folder.json")).unwrap();
        write("evals/baselines/app_v1.json", "{}");
        let found = documents(folder.path()).unwrap();
        let told: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|of| (of.kind, of.name.as_str(), of.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("baseline", "app_v1", "{}"),
                ("suite", "a", "[1]"),
                ("suite", "b", "{}")
            ]
        );
        assert!(found.iter().all(|of| of.modified_us.is_some()));
    }
}
