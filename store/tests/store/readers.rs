//! Readers in other processes, beside a writer.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use quipu_proto::Table;
use quipu_store::config::MANIFESTS_KEPT;
use quipu_store::{Commit, Reader, Writer};

use crate::common::{files_like, open, position, read, ten, whole};

/// Tells this test program that it is a reader, and of which store.
const STORE: &str = "QUIPU_TEST_READER_OF";

/// What a reader process does: for each line it is sent, one thing, answered by one line.
///
/// `hold` takes a snapshot; `check` reads all rows of the one it holds; `fresh` takes a new one and reads it.
#[test]
fn reader_process() {
    let Some(store) = std::env::var_os(STORE) else {
        return;
    };
    let reader = Reader::open(store).unwrap();
    let mut held = None;
    for line in std::io::stdin().lock().lines() {
        let count = match line.unwrap().as_str() {
            "hold" => held
                .insert(reader.snapshot().unwrap())
                .manifest()
                .rows(Table::Events) as usize,
            "check" => {
                let snapshot = held.as_ref().unwrap();
                snapshot.verify().unwrap();
                read(snapshot, Table::Events).len()
            }
            _ => {
                let snapshot = reader.snapshot().unwrap();
                let rows = read(&snapshot, Table::Events);
                assert_eq!(rows, (0..rows.len() as i64).collect::<Vec<_>>());
                rows.len()
            }
        };
        println!("answer {count}");
    }
}

struct Process {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Process {
    fn start(store: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "readers::reader_process", "--nocapture"])
            .env(STORE, store)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn answer(&mut self) -> usize {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the reader ended");
            if let Some((_, count)) = line.split_once("answer ") {
                return count.trim().parse().unwrap();
            }
        }
    }

    fn ask(&mut self, line: &str) -> usize {
        self.send(line);
        self.answer()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A commit that adds ten rows and replaces all segments by new ones.
fn rewrite(writer: &mut Writer, next: &mut i64) {
    let replaced = writer
        .manifest()
        .segments
        .iter()
        .map(|segment| segment.id)
        .collect();
    let mut commit = Commit {
        remove_segments: replaced,
        ..Commit::default()
    };
    *next += 10;
    for first in (0..*next).step_by(10) {
        commit.batches.extend(ten(first).batches);
    }
    commit.partitions = vec![position(0, *next)];
    writer.commit(commit).unwrap();
}

#[test]
fn a_snapshot_in_another_process_keeps_its_files_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let mut next = 0;
    rewrite(&mut writer, &mut next);
    let old = files_like(folder.path(), ".parquet");
    let mut reader = Process::start(folder.path());
    assert_eq!(reader.ask("hold"), 10);
    for _ in 0..4 {
        rewrite(&mut writer, &mut next);
    }
    for _ in 0..2 * MANIFESTS_KEPT {
        writer.commit(Commit::default()).unwrap();
    }
    assert!(old.iter().all(|segment| segment.exists()));
    assert_eq!(files_like(folder.path(), ".manifest").len(), MANIFESTS_KEPT + 1);
    assert_eq!(reader.ask("check"), 10);

    // Killed without a chance to tidy up: the lock goes with the process.
    drop(reader);
    assert_eq!(files_like(folder.path(), ".lease").len(), 1);
    writer.commit(Commit::default()).unwrap();
    assert!(old.iter().all(|segment| !segment.exists()));
    assert_eq!(files_like(folder.path(), ".lease").len(), 0);
    assert_eq!(whole(folder.path()), 50);
}

#[test]
fn a_lease_outlives_the_writer_and_binds_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut next = 0;
    let mut writer = open(folder.path());
    rewrite(&mut writer, &mut next);
    let mut reader = Process::start(folder.path());
    assert_eq!(reader.ask("hold"), 10);
    for _ in 0..4 {
        rewrite(&mut writer, &mut next);
        writer.close();
        writer = open(folder.path());
        for _ in 0..MANIFESTS_KEPT {
            writer.commit(Commit::default()).unwrap();
        }
        assert_eq!(reader.ask("check"), 10);
    }
}

#[test]
fn two_readers_see_every_row_while_the_writer_rewrites_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let mut next = 0;
    rewrite(&mut writer, &mut next);
    let mut readers = [Process::start(folder.path()), Process::start(folder.path())];
    let mut seen = [0; 2];
    for _ in 0..12 {
        for reader in &mut readers {
            reader.send("fresh");
            reader.send("fresh");
        }
        let before = next as usize;
        // Enough that what the readers open has been replaced and removed before they are done.
        rewrite(&mut writer, &mut next);
        for _ in 0..MANIFESTS_KEPT {
            writer.commit(Commit::default()).unwrap();
        }
        for (reader, seen) in readers.iter_mut().zip(&mut seen) {
            for _ in 0..2 {
                let count = reader.answer();
                assert!(
                    count >= *seen && count >= before && count <= next as usize,
                    "{count} after {seen}"
                );
                *seen = count;
            }
        }
    }
    assert!(seen[0] >= 120 && seen[1] >= 120, "{seen:?}");
}
