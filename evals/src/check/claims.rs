//! The claims of a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::claim::Claim;
use super::error::ClaimError;

/// The claims of a folder, in the order of their paths.
#[derive(Debug, Default)]
pub struct Claims {
    /// Those that can be run.
    pub claims: Vec<Claim>,
    /// What is wrong with the others. A gate cannot judge without them.
    pub unreadable: Vec<ClaimError>,
}

impl Claims {
    /// Reads the claims of a folder and of those below it, or the one of a file. Claims are files whose names end with
    /// `.sql`; what is hidden (a name that begins with a dot) is left out, and so are links to folders.
    ///
    /// # Errors
    /// [`ClaimError::Read`] for a file or folder that cannot be read, [`ClaimError::None`] if there is no claim. What is
    /// wrong with a single claim of a folder stands in [`Claims::unreadable`].
    pub fn read(path: &Path) -> Result<Self, ClaimError> {
        let mut files = Vec::new();
        let meta = fs::metadata(path).map_err(|source| ClaimError::Read {
            path: path.to_owned(),
            source,
        })?;
        if meta.is_dir() {
            walk(path, &mut files)?;
            files.sort();
        } else {
            files.push(path.to_owned());
        }
        let mut claims = Self::default();
        for file in &files {
            match Claim::read(file) {
                Ok(claim) => claims.claims.push(claim),
                Err(wrong) => claims.unreadable.push(wrong),
            }
        }
        if files.is_empty() {
            return Err(ClaimError::None {
                path: path.to_owned(),
            });
        }
        Ok(claims)
    }

    /// Keeps claims that have one of some tags; without tags, all. Returns how many were left out.
    ///
    /// # Errors
    /// [`ClaimError::NoTag`] if none is left: a gate without a claim would always pass.
    pub fn keep_tagged(&mut self, tags: &[String]) -> Result<usize, ClaimError> {
        if tags.is_empty() {
            return Ok(0);
        }
        let before = self.claims.len();
        let known: BTreeSet<String> = self.claims.iter().flat_map(|claim| claim.tags.clone()).collect();
        self.claims
            .retain(|claim| claim.tags.iter().any(|tag| tags.contains(tag)));
        if self.claims.is_empty() {
            let known: Vec<String> = known.into_iter().collect();
            return Err(ClaimError::NoTag {
                wanted: tags.join(" or "),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            });
        }
        Ok(before - self.claims.len())
    }
}

/// Collects the files of a folder that hold claims.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ClaimError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |source| ClaimError::Read { path, source }
    };
    for entry in fs::read_dir(folder).map_err(wrong(folder))? {
        let entry = entry.map_err(wrong(folder))?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Not through links: two folders that link to each other would never end.
        let kind = entry.file_type().map_err(wrong(&path))?;
        if kind.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") && !path.is_dir() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn claims_are_read_in_the_order_of_their_paths() {
        let folder = folder(&[
            ("b.sql", "select 1"),
            ("a/z.sql", "select 1"),
            ("a/.hidden.sql", "select 1"),
            (".git/c.sql", "select 1"),
            ("README.md", "claims"),
            ("c.sql", "-- nothing"),
        ]);
        let claims = Claims::read(folder.path()).unwrap();
        let names: Vec<&str> = claims.claims.iter().map(|claim| claim.name.as_str()).collect();
        assert_eq!(names, ["z", "b"]);
        assert_eq!(claims.unreadable.len(), 1);
        assert_eq!(
            claims.unreadable[0].path(),
            Some(folder.path().join("c.sql").as_path())
        );
        let one = Claims::read(&folder.path().join("a/.hidden.sql")).unwrap();
        assert_eq!(one.claims.len(), 1, "what is named is read");
    }

    #[test]
    #[cfg(unix)]
    fn links_to_folders_are_not_followed_and_links_to_files_are() {
        let folder = folder(&[("a/x.sql", "select 1")]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/up")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/up.sql")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a/x.sql"), folder.path().join("y.sql")).unwrap();
        let claims = Claims::read(folder.path()).unwrap();
        assert_eq!(claims.claims.len(), 2);
    }

    #[test]
    fn a_folder_without_claims_and_a_missing_one_are_errors() {
        let folder = folder(&[("a.txt", "")]);
        let error = Claims::read(folder.path()).unwrap_err();
        assert!(matches!(error, ClaimError::None { .. }), "{error}");
        let error = Claims::read(&folder.path().join("missing")).unwrap_err();
        assert!(matches!(error, ClaimError::Read { .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_not_text_is_told() {
        let folder = folder(&[]);
        fs::write(folder.path().join("a.sql"), b"select '\xff'").unwrap();
        let claims = Claims::read(folder.path()).unwrap();
        let told = claims.unreadable[0].to_string();
        assert!(told.contains("not UTF-8 text from byte 8 on"), "{told}");
    }

    #[test]
    fn claims_are_chosen_by_tags() {
        let folder = folder(&[
            ("a.sql", "-- Tags: ci, slow\nselect 1"),
            ("b.sql", "-- Tags: nightly\nselect 1"),
            ("c.sql", "select 1"),
        ]);
        let read = || Claims::read(folder.path()).unwrap();
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let mut claims = read();
        assert_eq!(claims.keep_tagged(&[]).unwrap(), 0);
        assert_eq!(claims.keep_tagged(&tags(&["ci", "nightly"])).unwrap(), 1);
        assert_eq!(claims.claims.len(), 2);
        let error = read().keep_tagged(&tags(&["CI"])).unwrap_err().to_string();
        assert_eq!(
            error,
            "no claim is tagged CI; there are the tags ci, nightly, slow"
        );
    }
}
