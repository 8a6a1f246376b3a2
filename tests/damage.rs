//! A bit of a store is flipped, any bit of any file that a query reads: the answer is an error or the right one.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails by panicking"
)]

use std::path::{Path, PathBuf};

use quipu::arrow::util::pretty::pretty_format_batches;
use quipu::ingest::FramesFile;
use quipu::{ErrorKind, Quipu};
use quipu_tests::dice::Dice;

/// Bits that are flipped, one at a time.
const FLIPS: usize = 400;

/// Questions that read every table, by every way: columns whole, with a filter that skips pages, by the footer alone.
const QUESTIONS: [&str; 9] = [
    "select count(*), sum(length(attributes)), count(distinct message_id) from events",
    "select count(*), sum(sequence) from events where sequence > 40 and event_type like 'NODE%'",
    "select count(*), sum(length(text)), sum(chunk_index) from token_chunks",
    "select count(*), sum(length(arguments)), sum(length(result)) from tool_executions",
    "select count(*), sum(operation_count), sum(length(operations)) from state_diffs",
    "select min(time), max(time), min(sequence), max(sequence) from metrics",
    "select count(*), sum(missing) from gaps",
    "select sum(expected), sum(seen), sum(missing), sum(dead_lettered) from completeness where scope = 'thread'",
    "select count(*), sum(payload_bytes), count(distinct payload) from dead_letters",
];

async fn answers(store: &Path) -> Vec<Result<String, ErrorKind>> {
    let quipu = match Quipu::open(store) {
        Ok(quipu) => quipu,
        Err(error) => return vec![Err(error.kind())],
    };
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let rows = async { quipu.sql(question).await?.collect().await };
        answers.push(match rows.await {
            Ok(rows) => Ok(pretty_format_batches(&rows).unwrap().to_string()),
            Err(error) => Err(error.kind()),
        });
    }
    answers
}

/// Files that queries read: segments, and the manifest that names them.
fn files(store: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![store.join("segments"), store.join("manifest")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flipped_bit_gives_a_wrong_number() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let quipu = Quipu::create(&store).unwrap();
    quipu
        .ingest(&[FramesFile::new(fixtures.join("faulty.frames"))])
        .unwrap();
    drop(quipu);
    let right = answers(&store).await;
    assert!(right.iter().all(Result::is_ok), "{right:?}");
    let mut dice = Dice::from_environment(20_261_125);
    let files = files(&store);
    let (mut errors, mut untouched) = (0, 0);
    for _ in 0..FLIPS {
        let file = &files[dice.within(0..files.len() as u64) as usize];
        let whole = std::fs::read(file).unwrap();
        let mut damaged = whole.clone();
        let at = dice.within(0..damaged.len() as u64) as usize;
        damaged[at] ^= 1 << dice.within(0..8);
        std::fs::write(file, &damaged).unwrap();
        let found = answers(&store).await;
        for (question, answer) in found.iter().enumerate() {
            match answer {
                Ok(text) => {
                    assert_eq!(
                        Ok(text),
                        right[question].as_ref(),
                        "{}: byte {at}",
                        file.display()
                    );
                    untouched += 1;
                }
                Err(kind) => {
                    assert_eq!(*kind, ErrorKind::Damaged, "{}: byte {at}", file.display());
                    errors += 1;
                }
            }
        }
        std::fs::write(file, &whole).unwrap();
    }
    eprintln!("{FLIPS} flips: {errors} questions refused, {untouched} answered as before");
    assert!(
        errors > FLIPS / 2,
        "most flips are in bytes that some question reads"
    );
    assert_eq!(answers(&store).await, right);
}
