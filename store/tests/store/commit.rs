//! Commits: what becomes visible, what is refused, what is removed later.

use quipu_proto::{Offset, Table};
use quipu_store::config::MANIFESTS_KEPT;
use quipu_store::{Commit, ManifestId, Reader, SegmentId, StatValue, StoreErrorKind, Writer, WriterOptions};

use crate::common::{files, files_like, log, open, position, read, rows, ten, whole};

#[test]
fn rows_and_positions_become_visible_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let before = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let report = writer.commit(ten(0)).unwrap();
    assert_eq!(
        (report.manifest, report.rows, report.segments.len()),
        (ManifestId(2), 30, 3)
    );
    assert_eq!(
        report.bytes,
        report.segments.iter().map(|segment| segment.bytes).sum::<u64>()
    );
    assert_eq!(before.manifest().segments.len(), 0);
    assert_eq!(whole(folder.path()), 10);
    assert_eq!(writer.partition(&log(0)).unwrap().next_offset, Offset(10));
    assert_eq!(writer.partition(&log(1)), None);
}

#[test]
fn rows_pressed_ahead_appear_with_their_commit_and_are_gone_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer.commit(ten(0)).unwrap();
    let before = files(folder.path());
    writer.press(Table::Events, &rows(Table::Events, 10, 4)).unwrap();
    assert_eq!(whole(folder.path()), 10);
    drop(writer);
    assert_eq!(files(folder.path()), before, "what was pressed is removed");

    let mut writer = open(folder.path());
    writer.press(Table::Events, &rows(Table::Events, 10, 4)).unwrap();
    writer
        .press(Table::TokenChunks, &rows(Table::TokenChunks, 10, 10))
        .unwrap();
    let ended: Vec<_> = writer
        .end_pressed()
        .unwrap()
        .map(|(segment, path)| {
            let batches = quipu_store::read_segment(path, segment, &[]).unwrap();
            let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
            (segment.table, segment.rows, rows)
        })
        .collect();
    assert_eq!(ended, [(Table::TokenChunks, 10, 10), (Table::Events, 4, 4)]);
    // Rows that come after others were ended lie in a segment of their own.
    writer.press(Table::Events, &rows(Table::Events, 14, 3)).unwrap();
    let mut commit = ten(10);
    commit
        .batches
        .retain(|(table, _)| !matches!(table, Table::Events | Table::TokenChunks));
    commit
        .batches
        .push((Table::Events, vec![rows(Table::Events, 17, 3)]));
    let report = writer.commit(commit).unwrap();
    assert_eq!((report.rows, report.segments.len()), (30, 4));
    assert_eq!(whole(folder.path()), 20);
}

#[test]
fn a_store_that_is_opened_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer.commit(ten(0)).unwrap();
    let before = writer.manifest().clone();
    writer.close();
    let mut writer = open(folder.path());
    assert_eq!(**writer.manifest(), *before);
    writer.commit(ten(10)).unwrap();
    assert_eq!(writer.manifest().writer_epoch, before.writer_epoch + 1);
    assert_eq!(writer.manifest().store_id, before.store_id);
    assert_eq!(whole(folder.path()), 20);
}

#[test]
fn a_commit_without_rows_still_moves_positions() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer
        .commit(Commit {
            partitions: vec![position(1, 7)],
            ..Commit::default()
        })
        .unwrap();
    let empty = vec![
        (Table::Events, vec![rows(Table::Events, 0, 0)]),
        (Table::Errors, Vec::new()),
    ];
    let report = writer.commit(Commit {
        batches: empty,
        partitions: vec![position(0, 3)],
        ..Commit::default()
    });
    assert_eq!(report.unwrap().segments.len(), 0);
    let snapshot = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    assert_eq!(snapshot.manifest().id, ManifestId(3));
    assert_eq!(
        snapshot.manifest().partition(&log(1)).unwrap().next_offset,
        Offset(7)
    );
    assert_eq!(
        snapshot.manifest().partition(&log(0)).unwrap().next_offset,
        Offset(3)
    );
}

#[test]
fn what_would_break_the_store_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer.commit(ten(0)).unwrap();
    let before = files(folder.path());
    let back = Commit {
        partitions: vec![position(0, 9)],
        ..ten(10)
    };
    let unknown = Commit {
        remove_segments: vec![SegmentId(99)],
        ..ten(10)
    };
    let foreign = Commit {
        batches: vec![(Table::Errors, vec![rows(Table::Events, 0, 1)])],
        ..Commit::default()
    };
    for (commit, words) in [
        (back, "goes back from 10 to 9"),
        (unknown, "segment 99"),
        (foreign, "table errors"),
    ] {
        let error = writer.commit(commit).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(files(folder.path()), before);
    writer.commit(ten(10)).unwrap();
    assert_eq!(whole(folder.path()), 20);
}

#[test]
fn a_second_writer_is_refused_and_told_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open(folder.path());
    let error = Writer::open(folder.path(), WriterOptions::default()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Locked);
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    drop(writer);
    open(folder.path());
}

#[test]
fn a_writer_whose_number_is_taken_is_fenced_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer.commit(ten(0)).unwrap();
    let manifests = folder.path().join("manifest");
    std::fs::write(
        manifests.join("00000000000000000003.manifest"),
        "another writer's",
    )
    .unwrap();
    for _ in 0..2 {
        let error = writer.commit(ten(10)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Fenced, "{error}");
    }
    assert_eq!(
        std::fs::read(manifests.join("00000000000000000003.manifest")).unwrap(),
        b"another writer's"
    );
}

#[test]
fn a_segment_of_another_writer_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let taken = folder.path().join("segments/events/0000000000000001.parquet");
    std::fs::write(&taken, "another writer's").unwrap();
    let report = writer.commit(ten(0)).unwrap();
    let ids: Vec<u64> = report.segments.iter().map(|segment| segment.id.0).collect();
    assert_eq!(ids, [2, 3, 4], "the number that is taken is left out");
    assert_eq!(std::fs::read(&taken).unwrap(), b"another writer's");
    writer.commit(ten(10)).unwrap();
    assert_eq!(whole(folder.path()), 20);
}

#[test]
fn only_the_newest_manifests_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    for commit in 0..40 {
        writer.commit(ten(commit * 10)).unwrap();
    }
    assert_eq!(files_like(folder.path(), ".manifest").len(), MANIFESTS_KEPT);
    assert_eq!(files_like(folder.path(), ".tmp-").len(), 0);
    assert_eq!(whole(folder.path()), 400);
    assert_eq!(writer.manifest().commits.len(), 40);
    assert_eq!(writer.manifest().commits[39].rows_added(), 30);
}

#[test]
fn a_replaced_segment_goes_when_the_last_manifest_with_it_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let report = writer.commit(ten(0)).unwrap();
    let old = report.segments.iter().map(|segment| segment.id).collect();
    let path = folder.path().join(&report.segments[0].path);
    writer
        .commit(Commit {
            remove_segments: old,
            partitions: Vec::new(),
            ..ten(0)
        })
        .unwrap();
    assert_eq!(whole(folder.path()), 10);
    for _ in 0..MANIFESTS_KEPT - 1 {
        assert!(path.exists());
        writer.commit(Commit::default()).unwrap();
    }
    assert!(!path.exists());
    assert_eq!(whole(folder.path()), 10);
}

#[test]
fn the_writers_own_snapshot_keeps_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let report = writer.commit(ten(0)).unwrap();
    let old = report.segments.iter().map(|segment| segment.id).collect();
    let snapshot = writer.snapshot();
    writer
        .commit(Commit {
            remove_segments: old,
            partitions: Vec::new(),
            ..ten(0)
        })
        .unwrap();
    for _ in 0..2 * MANIFESTS_KEPT {
        writer.commit(Commit::default()).unwrap();
    }
    assert_eq!(read(&snapshot, Table::Events), (0..10).collect::<Vec<_>>());
    snapshot.verify().unwrap();
    let path = snapshot.path_of(&report.segments[0]);
    drop(snapshot);
    writer.commit(Commit::default()).unwrap();
    assert!(!path.exists());
}

#[test]
fn the_manifest_knows_what_is_in_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let report = writer.commit(ten(100)).unwrap();
    let events = report
        .segments
        .iter()
        .find(|segment| segment.table == Table::Events)
        .unwrap();
    let offsets = events.stats.column("offset").unwrap();
    assert_eq!(
        (&offsets.min, &offsets.max),
        (&Some(StatValue::Int(100)), &Some(StatValue::Int(109)))
    );
    let time = events.stats.column("time").unwrap();
    assert_eq!((&time.min, time.null_count), (&None, 10));
    let threads = events.stats.threads.as_ref().unwrap();
    assert!(threads.may_contain("thread_id-2") && !threads.may_contain("thread_id-3"));
}
