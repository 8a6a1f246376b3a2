//! One segment: its bytes, then its content.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch};
use quipu_proto::Table;
use quipu_store::segment::{StatsCollector, schema_fingerprint};
use quipu_store::{BLOCK_BYTES, BlockSums, CheckedTail, Segment, SegmentStats, read_segment};
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::Xxh3Default;

use super::finding::{FindingKind, FindingPlace, Part};
use super::places::{Logs, RowPlaces, Seen, TableOffsets};
use super::source::offsets as offsets_of;
use super::{Check, files, relative};
use crate::error::Result;
use crate::rows::column;

/// Blocks that are read at a time.
const BLOCKS: usize = 16;

/// Checks length, checksum, tail and sums; true if they are as the manifest says. `manifest` is the file of one that has
/// the segment: a writer may remove first that and then the segment meanwhile, unless a lease keeps both.
pub(super) fn check_bytes(check: &mut Check<'_>, path: &Path, segment: &Segment, manifest: &Path) -> bool {
    let place = FindingPlace::File(relative(check.store, path));
    let damage = match damage(path, segment) {
        Ok(damage) => damage,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !manifest.exists() => return false,
        Err(error) => {
            files::unreadable(check, place, format!("segment {}", segment.id), &error);
            return false;
        }
    };
    check.report.counts.files += 1;
    check.report.counts.bytes += segment.bytes;
    let Some(found) = damage else { return true };
    let expected = format!("{} bytes with checksum {:016x}", segment.bytes, segment.checksum);
    let kind = FindingKind::FileDamaged;
    check.report.find(Part::Files, kind, place, expected, found);
    false
}

/// What is wrong with the bytes, in words.
fn damage(path: &Path, segment: &Segment) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes != segment.bytes {
        return Ok(Some(format!("{bytes} bytes")));
    }
    let mut wrong = Vec::new();
    let mut sums: Option<BlockSums> = None;
    if let Some(range) = segment.tail_range() {
        let mut tail = vec![0; range.end.saturating_sub(range.start) as usize];
        file.seek(SeekFrom::Start(range.start))?;
        file.read_exact(&mut tail)?;
        match CheckedTail::new(segment, tail.into()) {
            Ok(tail) => sums = tail.map(|tail| tail.sums().clone()),
            Err(damage) => wrong.push(damage.to_string()),
        }
        file.seek(SeekFrom::Start(0))?;
    }
    let mut hash = Xxh3Default::new();
    let mut buffer = vec![0; BLOCKS * BLOCK_BYTES as usize];
    let (mut at, mut bad_blocks) = (0, 0_u64);
    while at < bytes {
        let piece = (bytes - at).min(buffer.len() as u64);
        let piece = &mut buffer[..piece as usize];
        file.read_exact(piece)?;
        hash.update(piece);
        if let Some(sums) = &sums {
            let covered = sums.covered_bytes().saturating_sub(at).min(piece.len() as u64);
            for (index, block) in piece[..covered as usize].chunks(BLOCK_BYTES as usize).enumerate() {
                if let Err(damage) = sums.check(at + index as u64 * BLOCK_BYTES, block) {
                    bad_blocks += 1;
                    // The first says enough.
                    if bad_blocks == 1 {
                        wrong.push(damage.to_string());
                    }
                }
            }
        }
        at += piece.len() as u64;
    }
    if bad_blocks > 1 {
        wrong.push(format!("{} more blocks likewise", bad_blocks - 1));
    }
    let found = hash.digest();
    if found != segment.checksum {
        wrong.push(format!("checksum {found:016x}"));
    }
    Ok((!wrong.is_empty()).then(|| wrong.join("; ")))
}

/// Decodes every column, and compares with what the manifest says.
pub(super) fn check_content(
    check: &mut Check<'_>,
    path: &Path,
    segment: &Segment,
    logs: &mut Logs,
    offsets: &mut TableOffsets,
) {
    if let Err(error) = read(check, path, segment, logs, offsets) {
        check.failed(Part::Files, path, &error);
    }
}

fn read(
    check: &mut Check<'_>,
    path: &Path,
    segment: &Segment,
    logs: &mut Logs,
    offsets: &mut TableOffsets,
) -> Result<()> {
    let place = FindingPlace::File(relative(check.store, path));
    let batches = read_segment(path, segment, &[])?;
    let schema = batches.schema();
    let mut stats = StatsCollector::new(&schema);
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        stats.update(&batch);
        if batch.column_by_name("offset").is_some() {
            identities(check, path, segment, &batch, logs, offsets)?;
        }
        if segment.table == Table::DeadLetters {
            letters(check, path, &batch, logs)?;
        }
    }
    check.report.counts.rows += rows;
    let mut contradicts = |expected: String, found: String| {
        let kind = FindingKind::FileContradictsManifest;
        check
            .report
            .find(Part::Files, kind, place.clone(), expected, found);
    };
    let fingerprint = schema_fingerprint(&schema);
    if fingerprint != segment.schema_fingerprint {
        contradicts(
            format!("columns with fingerprint {:016x}", segment.schema_fingerprint),
            format!("{fingerprint:016x}"),
        );
    }
    if rows != segment.rows {
        contradicts(format!("{} rows", segment.rows), format!("{rows}"));
    }
    for (expected, found) in differing(&segment.stats, &stats.finish()) {
        contradicts(expected, found);
    }
    Ok(())
}

/// Finds rows whose identity another row of the table has.
fn identities(
    check: &mut Check<'_>,
    path: &Path,
    segment: &Segment,
    batch: &RecordBatch,
    logs: &mut Logs,
    offsets: &mut TableOffsets,
) -> Result<()> {
    let places = RowPlaces::of(batch, logs, path)?;
    for row in 0..batch.num_rows() {
        let (log, offset, item) = (places.logs[row], places.offset.value(row), places.item(row));
        if offsets.see(log, offset, item) == Seen::Again {
            let place = offsets_of(logs.log(log), offset, offset);
            let expected = format!("one place in table {}", segment.table);
            let found = format!(
                "another row, with item {item}, in {}",
                relative(check.store, path)
            );
            check
                .report
                .find(Part::Files, FindingKind::RowTwice, place, expected, found);
        }
    }
    Ok(())
}

/// Finds dead letters whose payload does not have the SHA-256 of their row.
fn letters(check: &mut Check<'_>, path: &Path, batch: &RecordBatch, logs: &mut Logs) -> Result<()> {
    let places = RowPlaces::of(batch, logs, path)?;
    let bytes = |name| column(batch, name, path, |array| array.as_binary_opt::<i32>());
    let (payload, sha256) = (bytes("payload")?, bytes("payload_sha256")?);
    for row in (0..batch.num_rows()).filter(|row| sha256.is_valid(*row)) {
        let bytes = if payload.is_valid(row) {
            payload.value(row)
        } else {
            &[]
        };
        let found = Sha256::digest(bytes);
        if found[..] != *sha256.value(row) {
            let offset = places.offset.value(row);
            let place = offsets_of(logs.log(places.logs[row]), offset, offset);
            let hexadecimal =
                |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let expected = format!("a payload with SHA-256 {}", hexadecimal(sha256.value(row)));
            let kind = FindingKind::LetterDiffers;
            check
                .report
                .find(Part::Files, kind, place, expected, hexadecimal(&found));
        }
    }
    Ok(())
}

/// Ranges of the manifest that are not those of the values. A column that the manifest has no range of, because an older
/// version wrote it, is none.
fn differing(manifest: &SegmentStats, values: &SegmentStats) -> Vec<(String, String)> {
    let mut differing: Vec<_> = manifest
        .columns
        .iter()
        .filter(|(name, range)| values.column(name) != Some(range))
        .map(|(name, range)| {
            (
                format!("{range:?} of column {name}"),
                format!("{:?}", values.column(name)),
            )
        })
        .collect();
    if manifest.threads != values.threads {
        let threads = |stats: &SegmentStats| stats.threads.as_ref().map_or(0, |filter| filter.threads());
        differing.push((
            format!("the filter of {} threads", threads(manifest)),
            format!("that of {} others", threads(values)),
        ));
    }
    differing
}
