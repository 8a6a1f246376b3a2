//! `quipu report`, `status`, `verify` and `dlq` as a user meets them, over a recorded file with faults in known places.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Told, quipu, recorded_store, text};
use serde_json::Value;

const FAULTY_FRAMES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/faulty.frames");

/// A store of its own with the faulty file in it.
struct Store {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = Self {
            _folder: folder,
            path,
        };
        let told = store.run(&["ingest", "frames", FAULTY_FRAMES]);
        assert_eq!(told.code, 0, "{}", told.err);
        store
    }

    fn run(&self, arguments: &[&str]) -> Told {
        run(&self.path, arguments)
    }

    fn number(&self, sql: &str) -> u64 {
        let told = self.run(&["sql", "--format", "csv", "--no-header", "-c", sql]);
        assert_eq!(told.code, 0, "{}", told.err);
        told.out.trim().parse().unwrap()
    }
}

fn run(store: &Path, arguments: &[&str]) -> Told {
    Told::of(quipu().args(arguments).arg("--store").arg(store))
}

#[test]
fn a_report_in_json_has_its_completeness_and_its_rows() {
    let store = Store::new();
    let told = store.run(&["report", "gaps", "--format", "json"]);
    let report: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(report["report"], "gaps");
    assert_eq!(report["completeness"]["missing"], 145);
    assert_eq!(report["completeness"]["tails"]["broken"], 2);
    assert_eq!(report["rows"].as_array().unwrap().len(), 100);
    let told = store.run(&["report", "completeness", "--by", "tenant", "--format", "jsonl"]);
    let lines: Vec<Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6 + 1);
    assert_eq!(lines[6]["completeness"]["dead_lettered"], 84);
    let told = store.run(&["report", "gaps", "--format", "csv"]);
    assert!(
        told.err.starts_with("completeness 97.151 %: 4945 of 5090"),
        "{}",
        told.err
    );
}

#[test]
fn an_answer_from_less_than_was_asked_for_is_refused_or_marked() {
    let store = Store::new();
    let ask = ["sql", "-c", "select 1", "--min-completeness", "99.9%"];
    let told = store.run(&ask);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(
        told.err.contains("145 missing") && told.err.contains("--incomplete mark"),
        "{}",
        told.err
    );
    let told = store.run(&[&ask[..], &["--incomplete", "mark"]].concat());
    assert_eq!(told.code, 0);
    assert!(
        told.out.contains('1') && told.err.starts_with("warning: incomplete"),
        "{}",
        told.err
    );
    let told = store.run(&["sql", "-c", "select 1", "--min-completeness", "0.9"]);
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    let told = Told::of(
        quipu()
            .args(["report", "gaps", "--store"])
            .arg(&store.path)
            .env("QUIPU_MIN_COMPLETENESS", "1"),
    );
    assert_eq!(told.code, 1, "{}", told.err);
}

#[test]
fn a_whole_store_satisfies_every_bound() {
    let told = run(
        recorded_store(),
        &[
            "sql",
            "-c",
            "select 1",
            "--min-completeness",
            "100%",
            "--completeness",
        ],
    );
    assert_eq!(told.code, 0);
    assert!(
        told.err.starts_with("completeness 100.000 %: 2260 of 2260"),
        "{}",
        told.err
    );
}

#[test]
fn status_tells_positions_tables_and_letters() {
    let store = Store::new();
    let told = store.run(&["status"]);
    assert_eq!(told.code, 0, "{}", told.err);
    for part in [
        "writer     none",
        "completeness 97.151 %",
        "token_chunks",
        "expansion_limit",
    ] {
        assert!(told.out.contains(part), "no {part:?} in:\n{}", told.out);
    }
    let told = store.run(&["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(status["writer"], Value::Null);
    let offsets = status["partitions"].as_array().unwrap().iter();
    assert_eq!(
        offsets
            .map(|partition| partition["next_offset"].as_i64().unwrap())
            .sum::<i64>(),
        4_999
    );
}

#[test]
fn verify_says_yes_or_names_what_differs_and_its_exit_code_says_which() {
    let store = Store::new();
    let told = store.run(&["verify", "--frames", FAULTY_FRAMES]);
    assert_eq!((told.code, told.out.as_str()), (0, ""), "{}", told.err);
    assert!(told.err.contains("4,999 records compared"), "{}", told.err);

    let events = fs::read_dir(store.path.join("segments/events"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&events).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&events, bytes).unwrap();
    let told = store.run(&["verify"]);
    assert_eq!(told.code, 1, "{}", told.err);
    let name = events.file_name().unwrap().to_str().unwrap();
    assert!(
        told.out.contains(name) && told.out.lines().count() == 1,
        "{}",
        told.out
    );
    let told = store.run(&["verify", "--format", "jsonl"]);
    let finding: Value = serde_json::from_str(told.out.lines().next().unwrap()).unwrap();
    assert_eq!(finding["kind"], "damaged file");

    let told = run(&store.path.join("nothing"), &["verify"]);
    assert_eq!((told.code, told.out.as_str()), (3, ""), "{}", told.err);
}

#[test]
fn a_letter_that_decodes_now_moves_into_its_table_once_and_its_gap_closes() {
    let store = Store::new();
    assert_eq!(store.number("select sum(missing) from gaps"), 145);
    let told = store.run(&["dlq", "retry", "--policy", "forward"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(
        told.out.starts_with("20 letters taken in under policy forward"),
        "{}",
        told.out
    );
    // What the file lacks under that policy.
    assert_eq!(store.number("select sum(missing) from gaps"), 128);
    assert_eq!(store.number("select count(*) from open_dead_letters"), 64);
    assert_eq!(store.number("select count(*) from dead_letters"), 84);
    let again = store.run(&["dlq", "retry", "--policy", "forward"]);
    assert!(again.out.starts_with("0 letters taken in"), "{}", again.out);
    let told = store.run(&["verify"]);
    assert_eq!(told.code, 0, "{}", told.out);
}

#[test]
fn letters_are_listed_shown_and_taken_in_again_elsewhere() {
    let store = Store::new();
    let sql = "select topic || '/' || partition || '/' || \"offset\" from dead_letters \
               where reason = 'schema_version' order by 1 limit 1";
    let told = store.run(&["sql", "--format", "csv", "--no-header", "-c", sql]);
    let letter = told.out.trim();
    let told = store.run(&["dlq", "show", letter]);
    assert!(
        told.out.contains("00000000  0") && told.out.contains("schema version"),
        "{}",
        told.out
    );
    let told = store.run(&[
        "dlq",
        "list",
        "--where",
        "reason = 'schema_version'",
        "--format",
        "jsonl",
    ]);
    assert!(told.out.contains(letter), "{}", told.out);
    let wrong = store.run(&["dlq", "show", "nowhere/0/1"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letters.jsonl");
    let told = store.run(&["dlq", "export", "--form", "server", "--out", text(&file)]);
    assert!(told.err.starts_with("84 letters written"), "{}", told.err);
    let other = folder.path().join("other");
    for _ in 0..2 {
        let told = run(&other, &["dlq", "import", text(&file)]);
        assert_eq!(told.code, 0, "{}", told.err);
    }
    let count = [
        "sql",
        "--format",
        "csv",
        "--no-header",
        "-c",
        "select count(*) from open_dead_letters",
    ];
    assert_eq!(run(&other, &count).out, "84\n");
    let told = run(&other, &["dlq", "retry", "--policy", "forward"]);
    assert!(told.out.starts_with("20 letters taken in"), "{}", told.out);
}
