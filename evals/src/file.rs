//! Files that hold one JSON document.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{EvalError, Result};

/// Most bytes of a file that is read: far above any suite or baseline, far below what would exhaust memory.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// It stays, and writing fails.
    No,
    /// It is replaced.
    Yes,
}

/// The text of a file.
pub(crate) fn read(path: &Path, what: &'static str) -> Result<String> {
    let failed = |source| EvalError::Read {
        what,
        path: path.to_owned(),
        source,
    };
    // A pipe has no length; what is read from one is not bounded.
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > BYTES_MAX {
        return Err(EvalError::Invalid {
            what,
            path: Some(path.to_owned()),
            why: format!("it has {length} bytes and {BYTES_MAX} is the limit; is it the right file?"),
        });
    }
    fs::read_to_string(path).map_err(failed)
}

/// What some editors put before a text.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The document of a text. A byte order mark before it is no part of it.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text.trim_start_matches(BYTE_ORDER_MARK)).map_err(|source| EvalError::Parse {
        what,
        path: None,
        source,
    })
}

/// A document as indented JSON, without a newline at its end.
///
/// # Panics
///
/// Never for the types of this crate: their keys are texts.
pub(crate) fn to_json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).expect("keys are texts")
}

/// Writes a document as a whole or not at all: to a temporary file in the same folder, which is synced and then renamed. The
/// folder is made if it is missing.
pub(crate) fn write(
    path: &Path,
    document: &impl Serialize,
    overwrite: Overwrite,
    what: &'static str,
) -> Result<()> {
    let text = to_json(document);
    match publish(path, text.as_bytes(), overwrite) {
        Ok(()) => Ok(()),
        Err(source) if overwrite == Overwrite::No && source.kind() == io::ErrorKind::AlreadyExists => {
            Err(EvalError::Exists {
                what,
                path: path.to_owned(),
            })
        }
        Err(source) => Err(EvalError::Write {
            what,
            path: path.to_owned(),
            source,
        }),
    }
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// To something of the system, such as a device, a pipe or a descriptor: it is written to and never replaced.
    Stream(PathBuf),
    /// To a file, which is there or not. The path is its own, not that of a link to it.
    File(PathBuf),
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let mut place = path.to_owned();
        for _ in 0..LINKS_MAX {
            let found = match fs::symlink_metadata(&place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::File(place)),
                found => found?.file_type(),
            };
            if !found.is_symlink() {
                return Ok(if found.is_file() || found.is_dir() {
                    Self::File(place)
                } else {
                    Self::Stream(place)
                });
            }
            // A link such as /dev/stdout may lead to a regular file, and is the system's all the same.
            let folder = folder_of(&place).canonicalize()?;
            if folder.starts_with("/dev") || folder.starts_with("/proc") {
                return Ok(Self::Stream(place));
            }
            place = folder.join(fs::read_link(&place)?);
        }
        // The system says what is wrong with so many links.
        fs::metadata(path).map(|_| Self::File(place))
    }
}

/// Links from one to the next that are followed: as many as Linux follows.
const LINKS_MAX: usize = 40;

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes to what is no file. Standard output is written to as the program itself does: opened anew it would be written from
/// its beginning where it leads to a file.
fn stream(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match path.to_str() {
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        _ => File::options().write(true).open(path)?.write_all(bytes),
    }
}

fn publish(path: &Path, bytes: &[u8], overwrite: Overwrite) -> io::Result<()> {
    let path = match Target::of(path)? {
        Target::Stream(path) => return stream(&path, bytes),
        Target::File(path) => path,
    };
    let folder = folder_of(&path);
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".quipu-").suffix(".tmp");
    // As for any new file: what the process's umask leaves. The default of the library is for secrets.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match overwrite {
        Overwrite::Yes => file.persist(&path)?,
        Overwrite::No => file.persist_noclobber(&path)?,
    };
    // Not every system can open a folder; where one can, the new name is synced as well.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_on_request_and_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/one.json");
        write(&path, &[1, 2, 3], Overwrite::No, "numbers").unwrap();
        let error = write(&path, &[4], Overwrite::No, "numbers").unwrap_err();
        assert!(matches!(error, EvalError::Exists { .. }), "{error}");
        assert_eq!(
            parse::<Vec<u8>>(&read(&path, "numbers").unwrap(), "numbers").unwrap(),
            [1, 2, 3]
        );
        write(&path, &[4], Overwrite::Yes, "numbers").unwrap();
        assert_eq!(read(&path, "numbers").unwrap(), "[\n  4\n]");
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "a temporary file was left: {names:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&file.join("one.json"), &1, Overwrite::Yes, "numbers").unwrap_err();
        assert!(
            error.to_string().starts_with("failed to save numbers to "),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.json"), folder.path().join("link.json"));
        std::os::unix::fs::symlink("real.json", &link).unwrap();
        for number in [1, 2] {
            write(&link, &number, Overwrite::Yes, "number").unwrap();
            assert_eq!(fs::read_to_string(&real).unwrap(), number.to_string());
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let around = folder.path().join("around.json");
        std::os::unix::fs::symlink(&around, &around).unwrap();
        assert!(write(&around, &1, Overwrite::Yes, "number").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_the_systems_is_never_replaced() {
        // Wherever the output of the test goes: also to a regular file.
        for path in ["/dev/stdout", "/dev/null", "/proc/self/fd/1"] {
            assert_eq!(
                Target::of(Path::new(path)).unwrap(),
                Target::Stream(path.into()),
                "{path}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("out");
        std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
        assert_eq!(Target::of(&link).unwrap(), Target::Stream("/dev/stdout".into()));
        assert_eq!(
            Target::of(Path::new("new.json")).unwrap(),
            Target::File("new.json".into())
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_document() {
        assert_eq!(parse::<u8>("\u{feff}7", "number").unwrap(), 7);
    }
}
