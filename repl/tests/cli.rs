//! The binary as a user meets it: arguments, standard streams and exit codes.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use common::{Told, quipu, recorded_store, text};

fn ask(arguments: &[&str]) -> Told {
    Told::of(
        quipu()
            .arg("sql")
            .arg("--store")
            .arg(recorded_store())
            .args(arguments),
    )
}

/// Exit codes.
mod codes {
    use super::*;

    #[test]
    fn a_wrong_option_is_wrong_usage() {
        for arguments in [
            &["sql", "--no-such-option"][..],
            &["no-such-command"],
            &["ingest", "frames"],
        ] {
            let told = Told::of(quipu().args(arguments));
            assert_eq!(told.code, 2, "{arguments:?}");
            assert_eq!(told.out, "");
            assert!(told.err.starts_with("error: "), "{}", told.err);
        }
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for (arguments, said) in [
            (&["--help"][..], "Usage: quipu"),
            (&["--version"], "quipu "),
            (&["sql", "-h"], "--format"),
        ] {
            let told = Told::of(quipu().args(arguments));
            assert_eq!((told.code, told.err.as_str()), (0, ""), "{arguments:?}");
            assert!(told.out.contains(said), "{}", told.out);
        }
    }

    #[test]
    fn a_missing_store_is_a_failure_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("nothing-here");
        let told = Told::of(quipu().args(["sql", "-c", "select 1", "--store"]).arg(&store));
        assert_eq!((told.code, told.out.as_str()), (1, ""));
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
        assert!(
            told.err.starts_with("error: ") && told.err.contains("nothing-here"),
            "{}",
            told.err
        );
        assert!(
            told.err.contains("quipu ingest") || told.err.contains("--store"),
            "{}",
            told.err
        );
        assert!(!store.exists(), "reading must not make a store");
    }

    #[test]
    fn a_statement_that_is_wrong_is_a_failure_on_one_line() {
        let told = ask(&["-c", "select nonsense from nowhere"]);
        assert_eq!((told.code, told.out.as_str()), (1, ""));
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
        assert!(
            told.err.starts_with("error: ") && told.err.contains("nowhere"),
            "{}",
            told.err
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let told = ask(&["-f", "no-such-file.sql"]);
        assert_eq!(told.code, 1);
        assert!(told.err.contains("no-such-file.sql"), "{}", told.err);
        let verbose = ask(&["-v", "-f", "no-such-file.sql"]);
        assert!(verbose.err.contains("caused by: "), "{}", verbose.err);
    }

    #[test]
    fn a_statement_that_writes_is_refused() {
        let told = ask(&["-c", "create table t as select 1"]);
        assert_eq!(told.code, 1);
        assert!(told.err.starts_with("error: "), "{}", told.err);
    }
}

/// Where the SQL comes from.
mod sources {
    use super::*;

    #[test]
    fn commands_and_files_run_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("two.sql");
        fs::write(
            &file,
            "-- a comment; with a semicolon\nselect 2 as n;\nselect 3 as n;\n",
        )
        .unwrap();
        let told = ask(&[
            "--format",
            "csv",
            "--no-header",
            "-c",
            "select 1",
            "-f",
            text(&file),
            "-c",
            "select 4; select 5",
        ]);
        assert_eq!(
            (told.code, told.out.as_str()),
            (0, "1\n2\n3\n4\n5\n"),
            "{}",
            told.err
        );
    }

    #[test]
    fn without_any_standard_input_is_read() {
        for arguments in [
            &["sql", "--format", "tsv"][..],
            &["sql", "--format", "tsv", "-f", "-"],
        ] {
            let told = Told::with_input(
                quipu().args(arguments).arg("--store").arg(recorded_store()),
                "select 'a' as x;",
            );
            assert_eq!((told.code, told.out.as_str()), (0, "x\na\n"), "{}", told.err);
        }
    }

    #[test]
    fn without_a_command_standard_input_is_read_unless_it_is_a_terminal() {
        let told = Told::with_input(quipu().arg("--store").arg(recorded_store()), "select 1 as one");
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(told.out.contains("one"), "{}", told.out);
    }

    #[test]
    fn results_before_an_error_are_printed() {
        let told = ask(&[
            "--format",
            "csv",
            "-c",
            "select 1 as n; select nonsense; select 3",
        ]);
        assert_eq!((told.code, told.out.as_str()), (1, "n\n1\n"));
    }

    #[test]
    fn the_store_is_named_by_option_then_variable_then_default() {
        let folder = tempfile::tempdir().unwrap();
        let by_variable = Told::of(
            quipu()
                .args(["sql", "-c", "select 1"])
                .env("QUIPU_STORE", recorded_store()),
        );
        assert_eq!(by_variable.code, 0, "{}", by_variable.err);
        let by_option = Told::of(
            quipu()
                .args(["sql", "-c", "select 1", "--store"])
                .arg(recorded_store())
                .env("QUIPU_STORE", folder.path().join("x")),
        );
        assert_eq!(by_option.code, 0, "{}", by_option.err);
        let by_default = Told::of(quipu().args(["sql", "-c", "select 1"]).current_dir(folder.path()));
        assert!(by_default.err.contains("quipu-store"), "{}", by_default.err);
    }
}

/// How rows come out.
mod formats {
    use super::*;

    const ROWS: &str = "select 1 as n, 'a,b' as t, null as nothing union all select 2, 'x', null order by 1";

    #[test]
    fn every_format_prints_the_same_rows() {
        let mut shown = String::new();
        for format in ["table", "csv", "tsv", "json", "jsonl", "markdown", "line"] {
            let told = ask(&["--format", format, "-c", ROWS]);
            assert_eq!((told.code, told.err.as_str()), (0, ""), "{format}");
            shown.push_str(&format!("{format}\n{}\n", told.out));
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn null_can_be_spelled_out() {
        let told = ask(&[
            "--format",
            "csv",
            "--null",
            "NULL",
            "--no-header",
            "-c",
            "select null, '', 'NULL'",
        ]);
        assert_eq!(told.out, "NULL,\"\",\"NULL\"\n");
    }

    #[test]
    fn json_is_one_array_for_each_statement() {
        let told = ask(&[
            "--format",
            "json",
            "-c",
            "select 1 as a; select 2 as b where false",
        ]);
        assert_eq!(told.out, "[\n{\"a\":1}\n]\n[]\n");
    }

    #[test]
    fn escape_sequences_in_data_do_not_reach_a_table() {
        let told = ask(&["-c", "select chr(27) || '[2J' as x"]);
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(
            told.out.contains("\\u001b[2J") && !told.out.contains('\u{1b}'),
            "{}",
            told.out
        );
    }

    #[test]
    fn message_ids_are_uuids_and_times_are_rfc_3339() {
        let told = ask(&[
            "--format",
            "jsonl",
            "-c",
            "select message_id, time, sequence from events order by time limit 1",
        ]);
        assert_eq!(told.code, 0, "{}", told.err);
        let row: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        let id = row["message_id"].as_str().unwrap();
        assert_eq!((id.len(), id.matches('-').count()), (36, 4), "{id}");
        assert!(row["time"].as_str().unwrap().ends_with('Z'), "{row}");
        assert!(row["sequence"].is_u64(), "{row}");
    }
}

/// Standard streams.
mod streams {
    use super::*;

    #[test]
    fn a_reader_that_leaves_is_a_quiet_end() {
        for format in ["csv", "jsonl", "json", "table"] {
            let mut child = quipu()
                .args([
                    "sql",
                    "--format",
                    format,
                    "-c",
                    "select * from events a cross join (values (1), (2), (3)) b",
                ])
                .arg("--store")
                .arg(recorded_store())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut first = String::new();
            BufReader::with_capacity(16, child.stdout.take().unwrap())
                .read_line(&mut first)
                .unwrap();
            let mut err = String::new();
            child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            assert_eq!(
                (child.wait().unwrap().code(), err.as_str()),
                (Some(0), ""),
                "{format}"
            );
            assert!(!first.is_empty(), "{format}");
        }
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
            return;
        };
        let status = quipu()
            .args(["sql", "-c", "select 1", "--store"])
            .arg(recorded_store())
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(status.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&status.stderr).contains("standard output"));
    }

    #[test]
    fn nothing_but_data_is_on_standard_output_and_nothing_is_coloured() {
        let told = ask(&["-c", "select 1 as n"]);
        assert_eq!(told.err, "");
        assert!(!told.out.contains('\u{1b}'));
        let failed = ask(&["-c", "select"]);
        assert!(!failed.err.contains('\u{1b}'), "{}", failed.err);
    }
}

/// `quipu ingest frames`.
mod frames {
    use super::*;

    #[test]
    fn a_file_taken_in_twice_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let count = || {
            let told = Told::of(
                quipu()
                    .args([
                        "sql",
                        "--format",
                        "csv",
                        "--no-header",
                        "-c",
                        "select count(*) from events",
                        "--store",
                    ])
                    .arg(&store),
            );
            assert_eq!(told.code, 0, "{}", told.err);
            told.out.trim().parse::<u64>().unwrap()
        };
        let take_in = || {
            Told::of(
                quipu()
                    .args(["ingest", "frames", common::SMALL_FRAMES, "--store"])
                    .arg(&store),
            )
        };
        let first = take_in();
        assert_eq!((first.code, first.out.as_str()), (0, ""), "{}", first.err);
        let rows = count();
        assert!(rows > 0);
        let second = take_in();
        assert_eq!(second.code, 0, "{}", second.err);
        assert_eq!(count(), rows);
    }

    #[test]
    fn what_every_source_knows_may_stand_before_its_name_and_what_only_kafka_knows_may_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let told = Told::of(
            quipu()
                .args(["ingest", "--policy", "strict", "--store"])
                .arg(&store)
                .args(["frames", common::SMALL_FRAMES]),
        );
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(store.join("FORMAT").exists());
        let told = Told::of(quipu().args([
            "ingest",
            "--brokers",
            "localhost:1",
            "frames",
            common::SMALL_FRAMES,
        ]));
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{}", told.err);
        assert!(
            told.err.starts_with("error: --brokers before `frames`"),
            "{}",
            told.err
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_a_failure_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let told = Told::of(
            quipu()
                .args(["ingest", "frames", "no-such.frames", "--store"])
                .arg(folder.path().join("store")),
        );
        assert_eq!(told.code, 1);
        assert!(told.err.contains("no-such.frames"), "{}", told.err);
    }
}
