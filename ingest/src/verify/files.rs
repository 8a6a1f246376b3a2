//! Part *files*: every file that the store relies on, byte by byte, and what the newest manifest says of its segments.
//!
//! Left out are `lock` and the leases: what stands in them is for people, and nothing reads it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use quipu_proto::Table;
use quipu_store::manifest::codec;
use quipu_store::paths::{ManifestName, Root, SegmentName};
use quipu_store::{Manifest, ManifestId, Segment, Snapshot};

use super::finding::{FindingKind, FindingPlace, Part};
use super::places::{Logs, TableOffsets};
use super::{Check, folders, relative, segment};

/// Whether more lies there than the making of a store leaves behind: `FORMAT` comes last, behind the first manifest.
pub(super) fn was_store(store: &Path) -> bool {
    let root = Root::new(store);
    let is_segment =
        |entry: std::fs::DirEntry| SegmentName::parse(&entry.file_name().to_string_lossy()).is_some();
    ids(&root).is_ok_and(|ids| ids.iter().any(|id| *id > ManifestId::FIRST))
        || Table::ALL.into_iter().any(|table| {
            let entries = std::fs::read_dir(root.table(table)).into_iter().flatten();
            entries.flatten().any(is_segment)
        })
}

pub(super) fn check(check: &mut Check<'_>, snapshot: Option<&Snapshot>) {
    let root = Root::new(check.store);
    format(check, &root);
    let manifests = manifests(check, &root);
    let newest = match snapshot {
        Some(snapshot) => Some(Arc::clone(snapshot.manifest())),
        None => manifests.values().next_back().cloned(),
    };
    if let Some(newest) = &newest {
        live_segments(check, &root, newest);
        older_segments(check, &root, newest, &manifests);
        folders::book(check, &root, newest);
    }
    folders::others(check, &root, &manifests, newest.as_deref());
}

fn format(check: &mut Check<'_>, root: &Root) {
    let expected = quipu_store::format_text();
    let place = FindingPlace::File(relative(check.store, &root.format()));
    match std::fs::read(root.format()) {
        Ok(bytes) => {
            check.report.counts.files += 1;
            check.report.counts.bytes += bytes.len() as u64;
            if bytes != expected.as_bytes() {
                let found = format!("{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
                let kind = FindingKind::FileDamaged;
                check
                    .report
                    .find(Part::Files, kind, place, format!("{expected:?}"), found);
            }
        }
        Err(error) => unreadable(check, place, "the file that names the format", &error),
    }
}

/// Names a file that cannot be read.
pub(super) fn unreadable(
    check: &mut Check<'_>,
    place: FindingPlace,
    expected: impl Into<String>,
    error: &io::Error,
) {
    let kind = if error.kind() == io::ErrorKind::NotFound {
        FindingKind::FileMissing
    } else {
        FindingKind::FileUnreadable
    };
    check
        .report
        .find(Part::Files, kind, place, expected, error.to_string());
}

fn ids(root: &Root) -> io::Result<Vec<ManifestId>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(root.manifests())? {
        let name = entry?.file_name();
        ids.extend(ManifestName::parse(&name.to_string_lossy()).map(|name| name.0));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Every manifest that is kept and can be read.
fn manifests(check: &mut Check<'_>, root: &Root) -> BTreeMap<ManifestId, Arc<Manifest>> {
    let mut manifests = BTreeMap::new();
    let ids = match ids(root) {
        Ok(ids) => ids,
        Err(error) => {
            let place = FindingPlace::File(relative(check.store, &root.manifests()));
            unreadable(check, place, "the folder of the manifests", &error);
            return manifests;
        }
    };
    for id in ids {
        let path = root.manifest(id);
        let place = FindingPlace::File(relative(check.store, &path));
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            // A writer has removed it since the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                unreadable(check, place, format!("manifest {id}"), &error);
                continue;
            }
        };
        check.report.counts.files += 1;
        check.report.counts.bytes += bytes.len() as u64;
        let expected = format!("manifest {id} as it was written");
        let mut damaged = |found: String| {
            let kind = FindingKind::FileDamaged;
            check
                .report
                .find(Part::Files, kind, place.clone(), expected.clone(), found);
        };
        match codec::decode(bytes) {
            Err(error) => damaged(error.to_string()),
            Ok(manifest) if manifest.id != id => damaged(format!("manifest {}", manifest.id)),
            Ok(manifest) => {
                manifests.insert(id, Arc::new(manifest));
            }
        }
    }
    let store_id = manifests
        .values()
        .next_back()
        .map(|newest| Arc::clone(&newest.store_id));
    for manifest in manifests.values() {
        let place = FindingPlace::File(relative(check.store, &root.manifest(manifest.id)));
        let before = (manifest.id > ManifestId::FIRST).then(|| manifest.id.0 - 1);
        let parent = manifest.parent.map(|parent| parent.0);
        if Some(&manifest.store_id) != store_id.as_ref() || parent != before {
            let expected = format!(
                "a manifest of store {} after manifest {before:?}",
                store_id.as_deref().unwrap_or_default()
            );
            let found = format!("one of store {} after manifest {parent:?}", manifest.store_id);
            let kind = FindingKind::FileContradictsManifest;
            check.report.find(Part::Files, kind, place, expected, found);
        }
    }
    manifests
}

/// The segments of the newest manifest: bytes, content, and what the manifest says of it.
fn live_segments(check: &mut Check<'_>, root: &Root, newest: &Manifest) {
    let mut logs = Logs::default();
    let mut done = 0;
    let mut unchecked = 0_u64;
    for table in Table::ALL {
        let mut offsets = TableOffsets::new(table);
        for live in newest.segments_of(table) {
            check.tell(Part::Files, done, Some(newest.segments.len() as u64));
            done += 1;
            unchecked += u64::from(live.tail.is_none());
            let path = root.resolve(&live.path);
            if segment::check_bytes(check, &path, live, &root.manifest(newest.id)) {
                segment::check_content(check, &path, live, &mut logs, &mut offsets);
            }
        }
    }
    if unchecked > 0 {
        let text = format!(
            "{unchecked} segments were written before segments had sums of their blocks: queries read them unchecked"
        );
        let place = FindingPlace::File(relative(check.store, &root.segments()));
        check.report.note(Part::Files, place, text);
    }
}

/// Segments that only other manifests have: readers may still hold these, so that their bytes count.
fn older_segments(
    check: &mut Check<'_>,
    root: &Root,
    newest: &Manifest,
    manifests: &BTreeMap<ManifestId, Arc<Manifest>>,
) {
    let mut others: BTreeMap<&str, (&Arc<Segment>, ManifestId)> = BTreeMap::new();
    for manifest in manifests.values() {
        for segment in manifest
            .segments
            .iter()
            .filter(|segment| newest.segment(segment.id).is_none())
        {
            others.insert(&segment.path, (segment, manifest.id));
        }
    }
    for (segment, manifest) in others.into_values() {
        let path = root.resolve(&segment.path);
        segment::check_bytes(check, &path, segment, &root.manifest(manifest));
    }
}
