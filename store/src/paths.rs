//! Names of the files of a store: built and parsed here, nowhere else.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use quipu_proto::Table;

use crate::manifest::ManifestId;
use crate::segment::SegmentId;

/// Beginning of the name of a file that is being written. Such a file belongs to nobody after a crash.
pub const TEMP_PREFIX: &str = ".tmp-";

const FORMAT: &str = "FORMAT";
const LOCK: &str = "lock";
const MANIFESTS: &str = "manifest";
const SEGMENTS: &str = "segments";
const LEASES: &str = "leases";
const BOOK: &str = "book";

/// Files and folders that make up the top level of a store.
pub(crate) const TOP_LEVEL: [&str; 6] = [FORMAT, LOCK, MANIFESTS, SEGMENTS, LEASES, BOOK];

/// Files under the root which other parts of the product keep there.
pub(crate) const TOP_LEVEL_OTHERS: [&str; 3] = ["evals", "prices.csv", "requests"];

/// Root folder of a store, from which every path within it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(Arc<Path>);

impl Root {
    /// The store in that folder, which need not exist.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self(Arc::from(path.as_ref()))
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file that names the format.
    #[must_use]
    pub fn format(&self) -> PathBuf {
        self.0.join(FORMAT)
    }

    /// The file that the writer holds locked.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.0.join(LOCK)
    }

    /// Folder of the manifests.
    #[must_use]
    pub fn manifests(&self) -> PathBuf {
        self.0.join(MANIFESTS)
    }

    /// Folder of the tables' folders.
    #[must_use]
    pub fn segments(&self) -> PathBuf {
        self.0.join(SEGMENTS)
    }

    /// Folder of a table's segments.
    #[must_use]
    pub fn table(&self, table: Table) -> PathBuf {
        self.segments().join(table.name())
    }

    /// Folder of the readers' leases.
    #[must_use]
    pub fn leases(&self) -> PathBuf {
        self.0.join(LEASES)
    }

    /// Folder of the sequence book's index.
    #[must_use]
    pub fn book(&self) -> PathBuf {
        self.0.join(BOOK)
    }

    /// The file of a manifest.
    #[must_use]
    pub fn manifest(&self, id: ManifestId) -> PathBuf {
        self.manifests().join(ManifestName(id).to_string())
    }

    /// The absolute place of a path relative to the root, as manifests hold them.
    #[must_use]
    pub fn resolve(&self, relative: &str) -> PathBuf {
        self.0.join(relative)
    }
}

/// Path of a segment relative to the root, with `/` between its parts on every system.
pub(crate) fn segment_path(table: Table, id: SegmentId) -> String {
    format!("{SEGMENTS}/{table}/{}", SegmentName(id))
}

/// A name for the unfinished sibling of a file, which nobody else has: of two writers, as there are when locks do not
/// help, neither may publish what the other is still writing.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    // Process ids come again on another machine and after a restart; the time sets those apart.
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let (pid, count) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(format!("{TEMP_PREFIX}{name}-{nanos:016x}-{pid}-{count}"))
}

/// Whether a file name is that of an unfinished file.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMP_PREFIX)
}

/// Name of a manifest's file: 20 decimal digits, so that names sort as numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestName(pub ManifestId);

impl ManifestName {
    /// Reads a file name; nothing but exactly what [`fmt::Display`] writes is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let id = name.strip_suffix(".manifest")?.parse().ok().map(ManifestId)?;
        exact(Self(id), name)
    }
}

impl fmt::Display for ManifestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}.manifest", self.0.0)
    }
}

/// Name of a segment's file: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentName(pub SegmentId);

impl SegmentName {
    /// Reads a file name; nothing but exactly what [`fmt::Display`] writes is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let id = u64::from_str_radix(name.strip_suffix(".parquet")?, 16)
            .ok()
            .map(SegmentId)?;
        exact(Self(id), name)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.parquet", self.0.0)
    }
}

/// Name of a lease's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseName {
    /// The manifest that the reader needs.
    pub manifest: ManifestId,
    /// Process id of the reader. Told to people; whether the reader lives is told by the lock on the file.
    pub pid: u32,
    /// Sets apart the leases of one process.
    pub nonce: u64,
}

impl LeaseName {
    /// Reads a file name; nothing but exactly what [`fmt::Display`] writes is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".lease")?.splitn(3, '-');
        let manifest = parts.next()?.parse().ok().map(ManifestId)?;
        let pid = parts.next()?.parse().ok()?;
        let nonce = u64::from_str_radix(parts.next()?, 16).ok()?;
        exact(Self { manifest, pid, nonce }, name)
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:020}-{}-{:016x}.lease",
            self.manifest.0, self.pid, self.nonce
        )
    }
}

/// Keeps a parsed name only if it is written exactly like that: `+1`, missing zeros or capitals name other files.
fn exact<T: fmt::Display>(parsed: T, name: &str) -> Option<T> {
    (parsed.to_string() == name).then_some(parsed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_read_back_as_written() {
        let manifest = ManifestName(ManifestId(17));
        assert_eq!(manifest.to_string(), "00000000000000000017.manifest");
        assert_eq!(ManifestName::parse(&manifest.to_string()), Some(manifest));
        let segment = SegmentName(SegmentId(0xabc));
        assert_eq!(segment.to_string(), "0000000000000abc.parquet");
        assert_eq!(SegmentName::parse(&segment.to_string()), Some(segment));
        let lease = LeaseName {
            manifest: ManifestId(u64::MAX),
            pid: 7,
            nonce: 9,
        };
        assert_eq!(LeaseName::parse(&lease.to_string()), Some(lease));
    }

    #[test]
    fn names_that_are_almost_right_are_foreign() {
        for name in [
            "17.manifest",
            "+0000000000000000017.manifest",
            "00000000000000000017.manifest~",
            ".manifest",
        ] {
            assert_eq!(ManifestName::parse(name), None, "{name}");
        }
        for name in [
            "abc.parquet",
            "0000000000000ABC.parquet",
            "0000000000000abc.parquet.crc",
        ] {
            assert_eq!(SegmentName::parse(name), None, "{name}");
        }
        assert_eq!(LeaseName::parse("1-2-3.lease"), None);
    }

    #[test]
    fn temporary_names_stay_in_the_folder_and_are_never_the_same() {
        let names = [(); 2].map(|()| temporary(Path::new("a/b.parquet")));
        for name in &names {
            assert_eq!(name.parent(), Some(Path::new("a")));
            assert!(is_temporary(name.file_name().unwrap().to_str().unwrap()));
        }
        assert_ne!(names[0], names[1]);
    }
}
