//! What opening a store for writing does with each thing it may find. [`TABLE`] is the whole answer; the code below
//! follows it, and `tests/recovery.rs` has a test per row.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use quipu_proto::Table;

use crate::disk::{DirEntry, Disk};
use crate::error::{IoContext, Result, StoreError};
use crate::failure::Failure;
use crate::format;
use crate::gc::{Garbage, Retired, gone};
use crate::manifest::{Manifest, ManifestId, persist};
use crate::paths::{
    LeaseName, ManifestName, Root, SegmentName, TOP_LEVEL, TOP_LEVEL_OTHERS, is_temporary, segment_path,
};
use crate::segment::SegmentId;

/// Something that may be found in the folder of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finding {
    /// Nothing at the path, or an empty folder.
    Nothing,
    /// A store whose making was cut short: no `FORMAT`, no manifest but the first, no segment.
    HalfMadeStore,
    /// A folder with other people's files and no `FORMAT`.
    ForeignFolder,
    /// Manifests or segments, but no `FORMAT`.
    NoFormat,
    /// A `FORMAT` with another version or without sense.
    OtherFormat,
    /// A `FORMAT`, but no manifest, with or without segments.
    NoManifest,
    /// A newest manifest that is torn or altered.
    DamagedManifest,
    /// A newest manifest of a format unknown here.
    NewerManifest,
    /// An older manifest that cannot be read.
    DamagedOlderManifest,
    /// A file with the prefix of unfinished ones.
    UnfinishedFile,
    /// A segment that no manifest on disk has.
    OrphanSegment,
    /// A segment of the newest manifest that is not there.
    MissingSegment,
    /// A segment of the newest manifest with another length.
    SegmentOfAnotherLength,
    /// A lease whose reader is gone.
    DeadLease,
    /// A file or folder whose name is not one of ours.
    ForeignFile,
}

/// What is done about a [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new store is made there.
    Create,
    /// It is removed.
    Remove,
    /// It stays, and the log tells of it.
    LeaveAndTell,
    /// Opening fails with an error that names it.
    Refuse,
}

/// What is done about everything that may be found, and why.
pub const TABLE: [(Finding, Action, &str); 15] = [
    (Finding::Nothing, Action::Create, "this is how stores begin"),
    (
        Finding::HalfMadeStore,
        Action::Create,
        "FORMAT comes last, so nothing was ever promised there",
    ),
    (
        Finding::ForeignFolder,
        Action::Refuse,
        "a mistyped --store must not fill somebody's folder",
    ),
    (
        Finding::NoFormat,
        Action::Refuse,
        "FORMAT comes before the first commit, so someone has removed it",
    ),
    (
        Finding::OtherFormat,
        Action::Refuse,
        "what is not understood must not be written to",
    ),
    (
        Finding::NoManifest,
        Action::Refuse,
        "a store has a manifest from its first moment, so data is lost",
    ),
    (
        Finding::DamagedManifest,
        Action::Refuse,
        "a visible manifest was whole once; the one before it would hide rows",
    ),
    (
        Finding::NewerManifest,
        Action::Refuse,
        "the newer version may rely on what this one would not write",
    ),
    (
        Finding::DamagedOlderManifest,
        Action::LeaveAndTell,
        "only readers that hold it need it",
    ),
    (
        Finding::UnfinishedFile,
        Action::Remove,
        "it belongs to a process that is gone, or that is fenced first in case its lock did not help",
    ),
    (
        Finding::OrphanSegment,
        Action::Remove,
        "its commit never became visible and, once others are fenced, never will; its records come again",
    ),
    (
        Finding::MissingSegment,
        Action::Refuse,
        "rows that were promised are gone",
    ),
    (
        Finding::SegmentOfAnotherLength,
        Action::Refuse,
        "rows that were promised are altered",
    ),
    (
        Finding::DeadLease,
        Action::Remove,
        "its reader needs nothing any more",
    ),
    (
        Finding::ForeignFile,
        Action::LeaveAndTell,
        "it may be dear to someone",
    ),
];

/// What was found in a store that is whole.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) manifest: Manifest,
    pub(crate) garbage: Garbage,
    /// The number that the next segment takes.
    pub(crate) next_segment: SegmentId,
    /// Unfinished files and orphan segments, to be removed once other writers are fenced.
    pub(crate) leftovers: Vec<PathBuf>,
}

/// Whether there is a store, before anything is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// None, but one can be made.
    Absent,
    /// One that says so in its `FORMAT`, which is understood.
    Present,
}

/// Looks whether the folder is a store or can become one. Changes nothing.
pub(crate) fn look(disk: &dyn Disk, root: &Root) -> Result<Presence> {
    let entries = match disk.list(root.path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Presence::Absent),
        Err(error) => return Err(error).when("list", root.path()),
    };
    if format::check(disk, root)? {
        return Ok(Presence::Present);
    }
    // NoFormat: more than the making of a store leaves behind.
    let manifests = names(disk, &root.manifests())?;
    let beyond_first = manifests
        .iter()
        .filter_map(|name| ManifestName::parse(name))
        .any(|name| name.0 > ManifestId::FIRST);
    let mut segments = false;
    for table in Table::ALL {
        segments |= names(disk, &root.table(table))?
            .iter()
            .any(|name| SegmentName::parse(name).is_some());
    }
    if beyond_first || segments {
        return Err(StoreError::damaged(
            &root.format(),
            "it is missing, though there are manifests or segments",
        ));
    }
    // ForeignFolder
    let ours = |entry: &&DirEntry| !is_temporary(&entry.name) && !TOP_LEVEL.contains(&entry.name.as_str());
    if let Some(foreign) = entries.iter().find(ours) {
        return Err(StoreError::Invalid(format!(
            "{} is not a store and not empty (it has {:?}); name an empty or new folder with --store",
            root.path().display(),
            foreign.name
        )));
    }
    Ok(Presence::Absent)
}

/// Makes an empty store. `FORMAT` comes last: with it, the store is one.
pub(crate) fn create(disk: &dyn Disk, root: &Root, created_us: i64) -> Result<()> {
    for folder in [root.manifests(), root.segments(), root.leases()] {
        disk.create_dir(&folder).when("create", &folder)?;
    }
    make_table_folders(disk, root)?;
    let first = Manifest::first(draw_store_id()?, created_us);
    match persist::publish(disk, root, &first) {
        // A making that was cut short has left one.
        Ok(()) | Err(Failure::Fenced) => {}
        Err(
            Failure::Clean(error)
            | Failure::Unnamed(error)
            | Failure::Uncertain(error)
            | Failure::Swept(error),
        ) => {
            return Err(error);
        }
    }
    format::write(disk, root)
}

/// 128 random bits, so that no other store has the same.
fn draw_store_id() -> Result<String> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| {
        StoreError::Invalid(format!("cannot draw an id for the store: {error}; try again"))
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(id)))
}

/// Checks a store, finds its newest manifest and what a crash left. The caller has the writer's lock.
pub(crate) fn recover(disk: &dyn Disk, root: &Root) -> Result<Recovered> {
    sync_folders(disk, root)?;
    let mut leftovers = Vec::new();
    let entries = disk.list(root.path()).when("list", root.path())?;
    take_unfinished(root.path(), &entries, &mut leftovers);
    tell_foreign(root.path(), entries, |name| {
        TOP_LEVEL.contains(&name) || TOP_LEVEL_OTHERS.contains(&name)
    });
    let (manifest, older) = find_manifests(disk, root, &mut leftovers)?;
    make_table_folders(disk, root)?;
    clear_leases(disk, root)?;

    let mut retired: BTreeMap<SegmentId, Retired> = BTreeMap::new();
    for old in older.readable.values() {
        for segment in old
            .segments
            .iter()
            .filter(|segment| manifest.segment(segment.id).is_none())
        {
            retired.insert(segment.id, Retired::new(segment, old.id));
        }
    }
    let live: HashMap<&str, u64> = manifest
        .segments
        .iter()
        .map(|segment| (segment.path.as_str(), segment.bytes))
        .collect();
    let mut found = 0;
    let mut next_segment = manifest.next_segment;
    for table in Table::ALL {
        let folder = root.table(table);
        let entries = disk.list(&folder).when("list", &folder)?;
        take_unfinished(&folder, &entries, &mut leftovers);
        for entry in entries {
            let Some(name) = SegmentName::parse(&entry.name).filter(|_| !entry.is_dir) else {
                tell_foreign(&folder, vec![entry], |_| false);
                continue;
            };
            match live.get(segment_path(table, name.0).as_str()) {
                Some(bytes) if *bytes == entry.bytes => found += 1,
                Some(bytes) => {
                    let what = format!("it has {} bytes instead of {bytes}", entry.bytes);
                    return Err(StoreError::damaged(&folder.join(&entry.name), what));
                }
                None if retired.contains_key(&name.0) => {}
                None if older.unreadable > 0 && name.0 < manifest.next_segment => {
                    tracing::warn!(path = %folder.join(&entry.name).display(),
                        "left in place: only a manifest that cannot be read may have it");
                }
                None => {
                    // A writer that is fenced may yet remove its own files by name.
                    next_segment = next_segment.max(SegmentId(name.0.0.saturating_add(1)));
                    leftovers.push(folder.join(&entry.name));
                }
            }
        }
    }
    if found < manifest.segments.len() {
        return Err(missing(disk, root, &manifest));
    }
    let mut ids: BTreeSet<ManifestId> = older.readable.into_keys().chain(older.damaged).collect();
    ids.insert(manifest.id);
    Ok(Recovered {
        manifest,
        garbage: Garbage::new(ids, retired.into_values().collect()),
        next_segment,
        leftovers,
    })
}

/// Makes durable what a process may have made that died before it could sync. What is built on it must not outlast it.
fn sync_folders(disk: &dyn Disk, root: &Root) -> Result<()> {
    for folder in [root.path().to_owned(), root.manifests(), root.segments()] {
        match disk.sync_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result.when("sync", &folder)?,
        }
    }
    Ok(())
}

/// Manifests below the newest.
#[derive(Debug, Default)]
struct Older {
    readable: BTreeMap<ManifestId, Manifest>,
    damaged: Vec<ManifestId>,
    unreadable: usize,
}

fn find_manifests(disk: &dyn Disk, root: &Root, leftovers: &mut Vec<PathBuf>) -> Result<(Manifest, Older)> {
    let folder = root.manifests();
    let entries = match disk.list(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        result => result.when("list", &folder)?,
    };
    take_unfinished(&folder, &entries, leftovers);
    let mut ids: Vec<ManifestId> = entries
        .iter()
        .filter_map(|entry| ManifestName::parse(&entry.name))
        .map(|name| name.0)
        .collect();
    ids.sort_unstable();
    tell_foreign(&folder, entries, |name| ManifestName::parse(name).is_some());
    let Some(newest) = ids.pop() else {
        return Err(no_manifest(root));
    };
    let Some(manifest) = persist::load(disk, root, newest)? else {
        return Err(no_manifest(root));
    };
    let mut older = Older::default();
    for id in ids {
        match persist::load(disk, root, id) {
            Ok(Some(old)) => drop(older.readable.insert(id, old)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "an older manifest cannot be read; it stays until it is out of use");
                older.damaged.push(id);
                older.unreadable += 1;
            }
        }
    }
    Ok((manifest, older))
}

/// The error for a store without any manifest.
pub(crate) fn no_manifest(root: &Root) -> StoreError {
    StoreError::damaged(
        &root.manifests(),
        "it has no manifest, so what the segments hold is unknown",
    )
}

/// The error for the first segment of a manifest whose file is not there.
fn missing(disk: &dyn Disk, root: &Root, manifest: &Manifest) -> StoreError {
    let mut there = BTreeSet::new();
    for table in Table::ALL {
        let names = names(disk, &root.table(table)).unwrap_or_default();
        there.extend(
            names
                .iter()
                .filter_map(|name| SegmentName::parse(name))
                .map(|name| segment_path(table, name.0)),
        );
    }
    let first = manifest
        .segments
        .iter()
        .find(|segment| !there.contains(&segment.path));
    let path = first.map_or_else(|| root.segments(), |segment| root.resolve(&segment.path));
    StoreError::damaged(
        &path,
        format!("it is missing, though manifest {} has it", manifest.id),
    )
}

fn make_table_folders(disk: &dyn Disk, root: &Root) -> Result<()> {
    let present = names(disk, &root.segments())?;
    let mut made = false;
    for table in Table::ALL
        .into_iter()
        .filter(|table| !present.iter().any(|name| name == table.name()))
    {
        let folder = root.table(table);
        disk.create_dir(&folder).when("create", &folder)?;
        made = true;
    }
    if made {
        disk.sync_dir(&root.segments()).when("sync", &root.segments())?;
    }
    Ok(())
}

fn clear_leases(disk: &dyn Disk, root: &Root) -> Result<()> {
    let folder = root.leases();
    disk.create_dir(&folder).when("create", &folder)?;
    let entries = disk.list(&folder).when("list", &folder)?;
    // Those of readers: one that still needs it makes another.
    for entry in entries.iter().filter(|entry| is_temporary(&entry.name)) {
        gone(disk, &folder.join(&entry.name));
    }
    tell_foreign(&folder, entries, |name| LeaseName::parse(name).is_some());
    // Looking at leases removes the dead ones.
    crate::lease::leased(disk, root).when("list", &folder).map(drop)
}

fn take_unfinished(folder: &Path, entries: &[DirEntry], leftovers: &mut Vec<PathBuf>) {
    let unfinished = entries.iter().filter(|entry| is_temporary(&entry.name));
    leftovers.extend(unfinished.map(|entry| folder.join(&entry.name)));
}

fn tell_foreign(folder: &Path, entries: Vec<DirEntry>, is_ours: impl Fn(&str) -> bool) {
    for entry in entries
        .iter()
        .filter(|entry| !is_ours(&entry.name) && !is_temporary(&entry.name))
    {
        tracing::warn!(path = %folder.join(&entry.name).display(), "not a file of the store; it is left alone");
    }
}

/// Names in a folder; none if there is no such folder.
fn names(disk: &dyn Disk, folder: &Path) -> Result<Vec<String>> {
    match disk.list(folder) {
        Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).when("list", folder),
    }
}
