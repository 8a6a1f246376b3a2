#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn number() -> impl Strategy<Value = Option<StatValue>> {
    proptest::option::of(any::<i64>().prop_map(StatValue::Int))
}

fn text() -> impl Strategy<Value = Option<StatValue>> {
    proptest::option::of(any::<String>().prop_map(|text| StatValue::Text(text.into())))
}

fn range() -> impl Strategy<Value = ColumnRange> {
    let bounds = prop_oneof![(number(), number()), (text(), text())];
    (bounds, any::<u64>(), any::<bool>()).prop_map(|((min, max), null_count, exact)| ColumnRange {
        min,
        max,
        null_count,
        exact,
    })
}

fn stats() -> impl Strategy<Value = SegmentStats> {
    let columns = proptest::sample::subsequence(RANGED_COLUMNS.to_vec(), 0..RANGED_COLUMNS.len());
    let columns = columns.prop_flat_map(|names| {
        let ranges = proptest::collection::vec(range(), names.len());
        ranges.prop_map(move |ranges| names.iter().copied().zip(ranges).collect())
    });
    let threads = proptest::collection::vec(any::<u64>(), 0..200)
        .prop_map(|hashes| ThreadFilter::build(hashes.into_iter()));
    (columns, threads).prop_map(|(columns, threads)| SegmentStats { columns, threads })
}

fn table() -> impl Strategy<Value = Table> {
    proptest::sample::select(Table::ALL.to_vec())
}

fn segment() -> impl Strategy<Value = Segment> {
    (
        table(),
        any::<[u64; 6]>(),
        any::<Option<[u64; 2]>>(),
        any::<Option<u64>>(),
        stats(),
    )
        .prop_map(
            |(table, [id, rows, bytes, checksum, by, schema], commits, tail, stats)| Segment {
                id: SegmentId(id),
                table,
                path: crate::paths::segment_path(table, SegmentId(id)),
                rows,
                bytes,
                checksum,
                tail: tail.map(|number| SegmentTail {
                    offset: number.min(bytes),
                    checksum: number,
                }),
                added_by: ManifestId(by),
                first_commit: ManifestId(commits.map_or(by, |[first, _]| first)),
                last_commit: ManifestId(commits.map_or(by, |[_, last]| last)),
                schema_fingerprint: schema,
                stats,
            },
        )
}

fn state() -> impl Strategy<Value = PartitionState> {
    let ends = (
        any::<Option<i32>>(),
        any::<Option<(i64, u64)>>(),
        any::<Option<i64>>(),
    );
    (
        any::<(String, String)>(),
        any::<i32>(),
        any::<[i64; 3]>(),
        any::<bool>(),
        ends,
    )
        .prop_map(
            |(
                (topic, incarnation),
                partition,
                [next, first, start],
                from_one,
                (leader_epoch, last, high),
            )| {
                PartitionState {
                    log: LogPartition::new(TopicIncarnation::new(topic, incarnation), PartitionId(partition)),
                    next_offset: Offset(next),
                    head: if from_one { Head::FromOne } else { Head::Unknown },
                    first_offset: Offset(first),
                    log_start_at_open: Offset(start),
                    leader_epoch,
                    last_record: last.map(|(offset, hash)| RecordFingerprint {
                        offset: Offset(offset),
                        hash,
                    }),
                    high_watermark: high.map(Offset),
                }
            },
        )
}

fn rows() -> impl Strategy<Value = Vec<TableRows>> {
    proptest::collection::vec(
        (table(), any::<u64>()).prop_map(|(table, rows)| TableRows { table, rows }),
        0..4,
    )
}

fn note() -> impl Strategy<Value = CommitNote> {
    (
        any::<u64>(),
        any::<i64>(),
        rows(),
        any::<[u32; 4]>(),
        any::<u64>(),
    )
        .prop_map(
            |(manifest, created_us, rows, [segments_added, segments_removed, press, sync], bytes_added)| {
                CommitNote {
                    manifest: ManifestId(manifest),
                    created_us,
                    rows,
                    segments_added,
                    segments_removed,
                    bytes_added,
                    press: Duration::from_micros(press.into()),
                    sync: Duration::from_micros(sync.into()),
                }
            },
        )
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let lists = (
        proptest::collection::vec(segment().prop_map(Arc::new), 0..12),
        proptest::collection::vec(state(), 0..5),
        rows(),
        proptest::collection::vec(note().prop_map(Arc::new), 0..5),
    );
    (
        any::<([u64; 3], String)>(),
        any::<Option<u64>>(),
        any::<i64>(),
        lists,
    )
        .prop_map(
            |(
                ([id, writer_epoch, next], store_id),
                parent,
                created_us,
                (mut segments, mut partitions, rows_committed, commits),
            )| {
                segments.sort_by_key(|segment| segment.id);
                segments.dedup_by_key(|segment| segment.id);
                partitions.sort_by(|one, other| one.log.cmp(&other.log));
                partitions.dedup_by(|one, other| one.log == other.log);
                Manifest {
                    id: ManifestId(id),
                    store_id: store_id.into(),
                    parent: parent.map(ManifestId),
                    writer_epoch,
                    created_us,
                    next_segment: SegmentId(next),
                    segments,
                    partitions,
                    rows_committed,
                    commits,
                }
            },
        )
}

proptest! {
    #[test]
    fn every_manifest_reads_back_as_written(manifest in manifest()) {
        prop_assert_eq!(decode(encode(&manifest)).unwrap(), manifest);
    }

    #[test]
    fn any_bytes_are_refused_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(bytes).is_err());
    }

    #[test]
    fn a_frame_around_any_body_does_no_harm(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(frame_uncompressed(&body, &[]));
    }
}

fn example() -> Manifest {
    let stats = SegmentStats {
        columns: vec![(
            "offset",
            ColumnRange {
                min: Some(StatValue::Int(1)),
                max: None,
                null_count: 3,
                exact: true,
            },
        )],
        threads: ThreadFilter::build([1, 2, 3].into_iter()),
    };
    let segment = Segment {
        id: SegmentId(3),
        table: Table::Events,
        path: "segments/events/0000000000000003.parquet".to_owned(),
        rows: 9,
        bytes: 999,
        checksum: 77,
        tail: Some(SegmentTail {
            offset: 900,
            checksum: 78,
        }),
        added_by: ManifestId(2),
        first_commit: ManifestId(2),
        last_commit: ManifestId(2),
        schema_fingerprint: 5,
        stats,
    };
    Manifest {
        id: ManifestId(2),
        parent: Some(ManifestId(1)),
        next_segment: SegmentId(4),
        segments: vec![Arc::new(segment)],
        ..Manifest::first("store", 0)
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    for manifest in [example(), large()] {
        let bytes = encode(&manifest);
        let step = (bytes.len() / 2000).max(1);
        for at in (0..bytes.len()).step_by(step) {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(decode(flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let bytes = encode(&example());
    for len in 0..bytes.len() {
        assert!(decode(bytes[..len].to_vec()).is_err(), "cut to {len} bytes");
    }
    let longer = [bytes.as_slice(), b"\0"].concat();
    assert!(decode(longer).is_err());
}

/// Large enough to be compressed.
fn large() -> Manifest {
    let mut manifest = example();
    for id in 10..200 {
        let mut segment = (*manifest.segments[0]).clone();
        segment.id = SegmentId(id);
        manifest.segments.push(Arc::new(segment));
    }
    manifest
}

#[test]
fn a_large_body_is_compressed_and_reads_back() {
    let manifest = large();
    let bytes = encode(&manifest);
    assert_eq!(u32_at(&Bytes::from(bytes.clone()), 12), ZSTD);
    assert_eq!(decode(bytes).unwrap(), manifest);
}

/// Puts the right checksum under altered bytes.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let covered = bytes.len() - CHECKSUM_BYTES;
    let checksum = xxh3_128(&bytes[..covered]).to_le_bytes();
    bytes[covered..].copy_from_slice(&checksum);
    bytes
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut bytes = encode(&example());
    bytes[8] = FORMAT_VERSION as u8 + 1;
    assert!(matches!(decode(bytes.clone()), Err(DecodeError::Damaged(_))));
    assert!(matches!(
        decode(resealed(bytes)),
        Err(DecodeError::Unsupported(_))
    ));
}

/// Format 1 knew no merged segments, and had the same bytes otherwise.
#[test]
fn a_manifest_of_format_1_reads_as_one_without_merged_segments() {
    for manifest in [example(), large()] {
        let mut bytes = encode(&manifest);
        bytes[8] = 1;
        let read = decode(resealed(bytes)).unwrap();
        assert_eq!(read, manifest);
        let segments = read.segments.iter();
        assert!(segments.clone().count() > 0);
        for segment in segments {
            assert_eq!(
                (segment.first_commit, segment.last_commit),
                (segment.added_by, segment.added_by)
            );
        }
    }
}

#[test]
fn a_manifest_of_version_1_reads_and_its_segments_have_no_sums() {
    let mut manifest = example();
    Arc::make_mut(&mut manifest.segments[0]).tail = None;
    let mut bytes = encode(&manifest);
    bytes[8] = 1;
    assert_eq!(decode(resealed(bytes)).unwrap(), manifest);
}

#[test]
fn a_tail_behind_the_end_of_its_segment_is_refused() {
    let mut manifest = example();
    let tail = SegmentTail {
        offset: 1000,
        checksum: 1,
    };
    Arc::make_mut(&mut manifest.segments[0]).tail = Some(tail);
    assert!(matches!(decode(encode(&manifest)), Err(DecodeError::Damaged(_))));
}

#[test]
fn a_body_cannot_claim_more_memory_than_it_has() {
    let mut bytes = encode(&large());
    bytes[24..32].copy_from_slice(&(BODY_BYTES_MAX - 1).to_le_bytes());
    assert!(matches!(
        decode(resealed(bytes.clone())),
        Err(DecodeError::Damaged(_))
    ));
    bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(decode(resealed(bytes)), Err(DecodeError::Damaged(_))));
}

#[test]
fn a_segment_outside_of_the_store_is_refused() {
    for path in [
        "/etc/passwd",
        "../x",
        "segments/../../x",
        "",
        "a//b",
        "C:x",
        "a\\..\\b",
    ] {
        let mut manifest = example();
        Arc::make_mut(&mut manifest.segments[0]).path = path.to_owned();
        assert!(
            matches!(decode(encode(&manifest)), Err(DecodeError::Damaged(_))),
            "{path:?}"
        );
    }
}
