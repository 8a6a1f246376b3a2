//! What lies in the folders of a store beside manifests and segments: the index of the book, and files of nobody.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use quipu_proto::Table;
use quipu_store::paths::{LeaseName, ManifestName, Root, SegmentName, TEMP_PREFIX};
use quipu_store::sequence::BookFolder;
use quipu_store::{Manifest, ManifestId};

use super::finding::{FindingKind, FindingPlace, Part};
use super::{Check, relative};

/// The marker and the index of the book, as far as anybody relies on them.
pub(super) fn book(check: &mut Check<'_>, root: &Root, newest: &Manifest) {
    let look = || BookFolder::look(&root.book(), &newest.store_id, newest.id);
    let note = |check: &mut Check<'_>, text: String| {
        let place = FindingPlace::File(relative(check.store, &root.book()));
        check.report.note(Part::Files, place, text);
    };
    match look() {
        BookFolder::Unmarked => {}
        BookFolder::OutOfDate { what } => note(check, format!("an index that nobody relies on: {what}")),
        BookFolder::Closed { .. } => count(check, &root.book()),
        // A writer that has just opened the index changes it before it takes the marker away.
        found @ BookFolder::Damaged { .. } if quipu_store::is_being_written(root) || look() != found => {
            note(check, "not checked: a writer is at work".to_owned());
        }
        BookFolder::Damaged { path, what } => {
            count(check, &root.book());
            let expected = "the index as it was closed";
            // The digest is one over all files.
            let place = FindingPlace::File(relative(check.store, &path));
            check
                .report
                .find(Part::Files, FindingKind::FileDamaged, place, expected, what);
        }
    }
}

fn count(check: &mut Check<'_>, folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => count(check, &entry.path()),
            Ok(metadata) => {
                check.report.counts.files += 1;
                check.report.counts.bytes += metadata.len();
            }
            Err(_) => {}
        }
    }
}

/// Notes files that no manifest has, or that are none of a store.
pub(super) fn others(
    check: &mut Check<'_>,
    root: &Root,
    manifests: &BTreeMap<ManifestId, Arc<Manifest>>,
    newest: Option<&Manifest>,
) {
    let named: HashSet<&str> = manifests
        .values()
        .map(|manifest| &**manifest)
        .chain(newest)
        .flat_map(|manifest| &manifest.segments)
        .map(|segment| segment.path.as_str())
        .collect();
    let known = [
        "FORMAT", "lock", "manifest", "segments", "leases", "book", "evals", "requests",
    ];
    foreign(check, root.path(), |name| known.contains(&name));
    foreign(check, &root.manifests(), |name| {
        ManifestName::parse(name).is_some()
    });
    foreign(check, &root.leases(), |name| LeaseName::parse(name).is_some());
    foreign(check, &root.segments(), |name| Table::from_name(name).is_some());
    for table in Table::ALL {
        let folder = root.table(table);
        foreign(check, &folder, |name| SegmentName::parse(name).is_some());
        for name in names(&folder) {
            let path = folder.join(&name);
            let place = relative(check.store, &path);
            if SegmentName::parse(&name).is_some() && !named.contains(place.as_str()) && path.exists() {
                let text = "no manifest has this segment: a commit that is under way or was cut short";
                check.report.note(Part::Files, FindingPlace::File(place), text);
            }
        }
    }
}

fn foreign(check: &mut Check<'_>, folder: &Path, is_ours: impl Fn(&str) -> bool) {
    for name in names(folder).into_iter().filter(|name| !is_ours(name)) {
        let place = FindingPlace::File(relative(check.store, &folder.join(&name)));
        let text = if name.starts_with(TEMP_PREFIX) {
            "unfinished: of a commit that is under way or was cut short"
        } else {
            "not a file of the store"
        };
        check.report.note(Part::Files, place, text);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
