//! What commits cost.
//!
//! `measure frames FILE STORE [MESSAGES_PER_COMMIT]` takes a recorded workload in and tells time and bytes, column by
//! column. `measure segments STORE [COUNT]` fills a store with small commits and tells what one more costs, and a
//! snapshot. It reads the recorded messages of `tests/fixtures`, so it runs in the root of the repository.
//! `measure sums STORE` tells what the sums of the segments' blocks cost: bytes, and time when reading.
#![allow(clippy::print_stdout, reason = "a program for the command line")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use parquet::file::reader::{FileReader, SerializedFileReader};
use quipu_proto::frames::FramesReader;
use quipu_proto::{
    Decoder, Numbered, Place, Policy, SequenceVerdict, Table, TableBuilders, TopicIncarnation,
};
use quipu_store::{BLOCK_BYTES, CheckedTail, Commit, Reader, Segment, Writer, WriterOptions, read_segment};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default| arguments.get(at).map_or(Ok(default), |number| number.parse());
    match arguments.first().map(String::as_str) {
        Some("frames") if arguments.len() >= 3 => frames(
            Path::new(&arguments[1]),
            Path::new(&arguments[2]),
            number(3, 262_144)?,
        ),
        Some("segments") if arguments.len() >= 2 => segments(Path::new(&arguments[1]), number(2, 1000)?),
        Some("sums") if arguments.len() >= 2 => sums(Path::new(&arguments[1])),
        _ => Err(
            "usage: measure frames FILE STORE [MESSAGES_PER_COMMIT] | measure segments STORE [COUNT] | \
                  measure sums STORE"
                .into(),
        ),
    }
}

/// Reads every segment with and without its sums, in turns, and sums all bytes once more by themselves.
fn sums(store: &Path) -> Result<(), Box<dyn Error>> {
    let snapshot = Reader::open(store)?.snapshot()?;
    let segments = &snapshot.manifest().segments;
    let read = |segment: &Segment, columns: &[&str]| -> Result<u64, Box<dyn Error>> {
        let mut rows = 0;
        for batch in read_segment(&snapshot.path_of(segment), segment, columns)? {
            rows += batch?.num_rows() as u64;
        }
        Ok(rows)
    };
    let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let listed: u64 = segments
        .iter()
        .filter_map(|segment| segment.tail)
        .map(|tail| 8 + 8 * tail.offset.div_ceil(BLOCK_BYTES))
        .sum();
    println!(
        "{} segments of {bytes} bytes, of which sums {listed}: {:.4} %",
        segments.len(),
        listed as f64 * 100.0 / bytes as f64
    );
    for columns in [&[][..], &["topic", "offset"][..]] {
        let mut times = [Duration::ZERO; 2];
        for _ in 0..5 {
            for segment in segments.iter().filter(|segment| segment.table.is_fact()) {
                let unchecked = Segment {
                    tail: None,
                    ..(**segment).clone()
                };
                for (time, segment) in times.iter_mut().zip([&**segment, &unchecked]) {
                    let start = Instant::now();
                    read(segment, columns)?;
                    *time += start.elapsed();
                }
            }
        }
        println!(
            "columns {columns:?} five times: checked {:?}, unchecked {:?}",
            times[0], times[1]
        );
    }
    let (mut hashed, mut time) = (0_u64, Duration::ZERO);
    for segment in segments {
        let file = std::fs::read(snapshot.path_of(segment))?;
        let Some(range) = segment.tail_range() else {
            continue;
        };
        let (rows, tail) = file.split_at(range.start as usize);
        let tail = CheckedTail::new(segment, tail.to_vec().into())?.ok_or("no tail")?;
        let start = Instant::now();
        tail.sums().check(0, rows)?;
        time += start.elapsed();
        hashed += rows.len() as u64;
    }
    println!(
        "summing {hashed} bytes: {time:?}, {:.1} GB/s",
        hashed as f64 / time.as_secs_f64() / 1e9
    );
    Ok(())
}

/// Processor time of this process so far, in ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn frames(file: &Path, store: &Path, per_commit: usize) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::read(file)?;
    let mut writer = Writer::open(store, WriterOptions::default())?;
    let mut decoder = Decoder::new(Policy::Compatible);
    let mut tables = TableBuilders::new();
    let log = tables.log_index(&TopicIncarnation::new("dashstream-events", "a".repeat(64)));
    let (mut messages, mut protobuf, mut commits) = (0_u64, 0, Duration::ZERO);
    let mut offsets = BTreeMap::new();
    let mut pending = 0;
    let mut seal = |tables: &mut TableBuilders| -> Result<(), Box<dyn Error>> {
        let batches = tables
            .finish()?
            .into_iter()
            .map(|(table, batch)| (table, vec![batch]))
            .collect();
        let before = processor_time();
        let report = writer.commit(Commit {
            batches,
            ..Commit::default()
        })?;
        commits += processor_time() - before;
        println!(
            "manifest {}: {} rows, {} bytes, press {:?}, sync {:?}, publish {:?}",
            report.manifest, report.rows, report.bytes, report.press, report.sync, report.publish
        );
        Ok(())
    };
    for frame in FramesReader::new(&bytes) {
        let frame = frame?;
        let offset = offsets.entry(frame.partition).or_insert(0_i64);
        let decoded = decoder
            .decode(Some(frame.payload))
            .map_err(|rejection| format!("{rejection:?}"))?;
        let place = Place {
            log,
            partition: frame.partition as i32,
            offset: *offset,
            kafka_time_us: None,
            key: Some(frame.key),
            headers: None,
        };
        *offset += 1;
        let numbered = Numbered {
            verdict: SequenceVerdict::InOrder,
            repeated: false,
        };
        protobuf += decoded.protobuf_bytes;
        tables.append(&place, &decoded, numbered, &[]);
        messages += 1;
        pending += 1;
        if pending == per_commit {
            seal(&mut tables)?;
            pending = 0;
        }
    }
    if pending > 0 {
        seal(&mut tables)?;
    }
    let snapshot = writer.snapshot();
    let stored: u64 = snapshot
        .manifest()
        .segments
        .iter()
        .map(|segment| segment.bytes)
        .sum();
    println!(
        "{messages} messages: {:.3} µs of processor time, {:.1} bytes each, {:.2}:1 against protobuf",
        commits.as_secs_f64() * 1e6 / messages as f64,
        stored as f64 / messages as f64,
        protobuf as f64 / stored as f64
    );
    columns(&snapshot, messages)
}

/// Bytes per message that each column takes, the largest first.
fn columns(snapshot: &quipu_store::Snapshot, messages: u64) -> Result<(), Box<dyn Error>> {
    let mut columns: BTreeMap<(Table, String), (u64, u64, String)> = BTreeMap::new();
    let mut other = 0;
    for segment in &snapshot.manifest().segments {
        other += segment.bytes;
        let reader = SerializedFileReader::new(std::fs::File::open(snapshot.path_of(segment))?)?;
        for group in reader.metadata().row_groups() {
            for column in group.columns() {
                let entry = columns
                    .entry((segment.table, column.column_path().string()))
                    .or_default();
                entry.0 += column.compressed_size() as u64;
                entry.1 += column.uncompressed_size() as u64;
                entry.2 = format!("{:?}", column.encodings().collect::<Vec<_>>());
                other -= column.compressed_size() as u64;
            }
        }
    }
    let mut columns: Vec<_> = columns.into_iter().collect();
    columns.sort_by_key(|(_, (compressed, ..))| std::cmp::Reverse(*compressed));
    for ((table, column), (compressed, uncompressed, encodings)) in columns.iter().take(60) {
        println!(
            "{:>7.2} of {:>7.2} B/message  {table}.{column} {encodings}",
            *compressed as f64 / messages as f64,
            *uncompressed as f64 / messages as f64
        );
    }
    println!(
        "{:>7.2} B/message in footers and indexes",
        other as f64 / messages as f64
    );
    Ok(())
}

fn segments(store: &Path, count: usize) -> Result<(), Box<dyn Error>> {
    let mut writer = Writer::open(store, WriterOptions::default())?;
    let mut decoder = Decoder::new(Policy::Compatible);
    let mut tables = TableBuilders::new();
    let log = tables.log_index(&TopicIncarnation::new("dashstream-events", "a".repeat(64)));
    let bytes = std::fs::read("tests/fixtures/small.frames")?;
    let frames: Vec<_> = FramesReader::new(&bytes).collect::<Result<_, _>>()?;
    let mut next = frames.iter().cycle();
    let mut offset = 0;
    let mut reports = Vec::new();
    while writer.manifest().segments.len() < count + 40 {
        for frame in next.by_ref().take(500) {
            let Ok(decoded) = decoder.decode(Some(frame.payload)) else {
                continue;
            };
            let place = Place {
                log,
                partition: 0,
                offset,
                kafka_time_us: None,
                key: Some(frame.key),
                headers: None,
            };
            offset += 1;
            let numbered = Numbered {
                verdict: SequenceVerdict::InOrder,
                repeated: false,
            };
            tables.append(&place, &decoded, numbered, &[]);
        }
        let batches = tables
            .finish()?
            .into_iter()
            .map(|(table, batch)| (table, vec![batch]))
            .collect();
        let live = writer.manifest().segments.len();
        let start = Instant::now();
        let report = writer.commit(Commit {
            batches,
            ..Commit::default()
        })?;
        if live >= count {
            reports.push((start.elapsed(), report));
        }
    }
    for (whole, report) in &reports {
        println!(
            "{} segments added: {whole:?}, of which press {:?}, sync {:?}, publish {:?}",
            report.segments.len(),
            report.press,
            report.sync,
            report.publish
        );
    }
    let bytes =
        std::fs::metadata(store.join(format!("manifest/{:020}.manifest", writer.manifest().id.0)))?.len();
    println!(
        "{} segments, manifest of {bytes} bytes",
        writer.manifest().segments.len()
    );
    for _ in 0..5 {
        let start = Instant::now();
        let snapshot = Reader::open(store)?.snapshot()?;
        println!(
            "snapshot of {} segments in {:?}",
            snapshot.manifest().segments.len(),
            start.elapsed()
        );
    }
    drop(writer);
    let start = Instant::now();
    drop(Writer::open(store, WriterOptions::default())?);
    println!("writer opened in {:?}", start.elapsed());
    Ok(())
}
