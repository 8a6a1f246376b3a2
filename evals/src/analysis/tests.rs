//! The analysis against the reports of the reference, against hand-counted input, and against itself.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::input::read_in_chunks;
use super::{Counting, Input, Remarks, Report, to_json, to_markdown, to_text};

fn fixture(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "tests", "fixtures", name]
        .iter()
        .collect();
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn counted(input: &[u8], counting: Counting) -> (Report, Remarks) {
    let mut input = input;
    let Input {
        accumulator, remarks, ..
    } = super::read(&mut input, counting, 2).unwrap();
    (accumulator.report(), remarks)
}

fn json_of(report: &Report) -> Value {
    serde_json::from_str(&to_json(report)).unwrap()
}

/// Rows of a list by their name, as ties of the reference stand in any order.
fn by_name(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| {
        ["thread_id", "node_id", "tool_name", "severity"]
            .iter()
            .find_map(|key| row[key].as_str().map(str::to_owned))
    });
    rows
}

fn assert_close(found: &Value, expected: &Value, path: &str) {
    match (found, expected) {
        (Value::Number(one), Value::Number(two)) if one.is_f64() || two.is_f64() => {
            let (one, two) = (one.as_f64().unwrap(), two.as_f64().unwrap());
            assert!(
                (one - two).abs() <= 1e-9 * two.abs().max(1.0),
                "{path}: {one}, not {two}"
            );
        }
        (Value::Array(one), Value::Array(two)) => {
            assert_eq!(one.len(), two.len(), "{path}");
            let rows = by_name(one.clone()).into_iter().zip(by_name(two.clone()));
            for (index, (one, two)) in rows.enumerate() {
                assert_close(&one, &two, &format!("{path}[{index}]"));
            }
        }
        (Value::Object(one), Value::Object(two)) => {
            let keys =
                |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(one), keys(two), "{path}");
            for (key, one) in one {
                assert_close(one, &two[key], &format!("{path}.{key}"));
            }
        }
        _ => assert_eq!(found, expected, "{path}"),
    }
}

/// Lines without the numbers of a list, sorted: ties stand in any order.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let name = line.trim_start();
            match name.split_once(". ") {
                Some((number, name)) if number.parse::<u32>().is_ok() => name.to_owned(),
                _ => line.to_owned(),
            }
        })
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn counted_as_the_reference_the_numbers_are_those_of_the_reference() {
    let (report, remarks) = counted(fixture("parsed.jsonl").as_bytes(), Counting::Reference);
    let expected: Value = serde_json::from_str(&fixture("analyze.json")).unwrap();
    assert_close(&json_of(&report), &expected, "");
    assert_eq!(lines(&to_markdown(&report)), lines(&fixture("analyze.md")));
    // Batches and traces are none of its types.
    assert_eq!(
        (remarks.documents, remarks.unknown()),
        (2_090 - 193 - 39, 193 + 39)
    );
    assert_eq!((remarks.unreadable, remarks.unfit), (0, 0));
}

#[test]
fn the_text_is_that_of_the_reference_up_to_ties() {
    let (report, _) = counted(fixture("parsed.jsonl").as_bytes(), Counting::Reference);
    let (found, expected) = (to_text(&report), fixture("analyze.txt"));
    // Twelve sessions have no event at all; the tenth place is any of them.
    let without_tenth = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("  10. ")).unwrap();
        lines.drain(at..at + 2);
        lines.join("\n")
    };
    assert_eq!(lines(&without_tenth(&found)), lines(&without_tenth(&expected)));
    assert_eq!(found.lines().count(), expected.lines().count());
}

#[test]
fn keys_come_in_the_order_of_the_reference_and_ours_behind_them() {
    let (report, _) = counted(fixture("parsed.jsonl").as_bytes(), Counting::Default);
    let text = to_json(&report);
    let places = |keys: &[&str]| -> Vec<usize> {
        keys.iter()
            .map(|key| {
                text.find(&format!("\"{key}\":"))
                    .unwrap_or_else(|| panic!("no {key}"))
            })
            .collect()
    };
    let top = [
        "summary",
        "sessions",
        "node_performance",
        "tool_performance",
        "errors",
        "counting",
        "graph_runs",
        "error_sources",
    ];
    assert!(places(&top).is_sorted());
    let session = [
        "thread_id",
        "tenant_id",
        "event_count",
        "duration_ms",
        "node_count",
        "tool_calls",
        "error_count",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "failed_tool_calls",
    ];
    let start = text.find("\"sessions\"").unwrap();
    let places: Vec<usize> = session
        .iter()
        .map(|key| text[start..].find(&format!("\"{key}\":")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    // Nothing that a reader of the reference knows is gone or of another type.
    let expected: Value = serde_json::from_str(&fixture("analyze.json")).unwrap();
    let found = json_of(&report);
    for (list, rows) in expected.as_object().unwrap() {
        let (row, known) = match rows {
            Value::Array(rows) => (&found[list][0], &rows[0]),
            object => (&found[list], object),
        };
        for (key, value) in known.as_object().unwrap() {
            assert_eq!(row[key].is_f64(), value.is_f64(), "{list}.{key}");
            assert_eq!(row[key].is_u64(), value.is_u64(), "{list}.{key}");
            assert_eq!(row[key].is_string(), value.is_string(), "{list}.{key}");
        }
    }
}

#[test]
fn spread_over_lines_the_reference_reads_nothing_and_we_read_the_same() {
    let pretty = fixture("parsed.pretty60.txt");
    let (report, remarks) = counted(pretty.as_bytes(), Counting::Reference);
    assert_eq!(to_text(&report), fixture("analyze.of-pretty.txt"));
    assert_eq!(remarks.documents, 0);
    assert!(remarks.unreadable > 60 && remarks.first.unwrap().number == 1);

    let first: String = fixture("parsed.jsonl")
        .lines()
        .take(60)
        .map(|line| format!("{line}\n"))
        .collect();
    let (one_per_line, _) = counted(first.as_bytes(), Counting::Default);
    let (spread, remarks) = counted(pretty.as_bytes(), Counting::Default);
    assert_eq!(spread, one_per_line);
    assert_eq!((remarks.documents, remarks.not_counted()), (60, 0));
}

/// The numbers of the small recording under default counting, each counted by other means from `parsed.jsonl`.
#[test]
fn the_small_recording_has_these_numbers() {
    let (report, remarks) = counted(fixture("parsed.jsonl").as_bytes(), Counting::Default);
    let found = json_of(&report);
    assert_eq!((remarks.documents, remarks.not_counted()), (2_090, 0));
    assert_eq!(found["summary"]["total_sessions"], 21);
    assert_eq!(found["summary"]["total_events"], 552);
    assert_eq!(found["summary"]["total_tool_calls"], 72);
    assert_eq!(found["summary"]["failed_tool_calls"], 3);
    assert_eq!(found["summary"]["tool_attempts"], 83);
    let sum = |key: &str| -> u64 {
        let rows = found["tool_performance"].as_array().unwrap();
        rows.iter().map(|row| row[key].as_u64().unwrap()).sum()
    };
    assert_eq!(
        [
            "total_calls",
            "completed",
            "failed",
            "unfinished",
            "retried",
            "attempts"
        ]
        .map(sum),
        [72, 69, 3, 0, 11, 83]
    );
    // Each request tells its tokens once there, so that they are those of the reference.
    assert_eq!(found["summary"]["total_tokens"], 116_940);
    assert_eq!(found["graph_runs"]["started"], 23);
    assert_eq!(found["graph_runs"]["completed"], 22);
    assert_eq!(found["graph_runs"]["failed"], 1);
    assert_eq!(found["error_sources"]["error_messages"], 8);
    assert_eq!(found["summary"]["total_errors"], 5);
    assert_eq!(
        found["error_sources"]["error_events"],
        json!({"GRAPH_ERROR": 1, "LLM_ERROR": 1, "NODE_ERROR": 2})
    );
    let nodes = found["node_performance"].as_array().unwrap();
    let executions: u64 = nodes
        .iter()
        .map(|row| row["execution_count"].as_u64().unwrap())
        .sum();
    assert_eq!(executions, 102);
    assert!(
        nodes
            .iter()
            .all(|row| !row["node_id"].as_str().unwrap().contains(','))
    );
    assert_eq!(found["messages"]["EventBatch"], 193);
    assert_eq!(found["messages"]["ExecutionTrace"], 39);
}

fn document(kind: &str, thread: &str, at: i64, own: Value) -> Value {
    let mut document = json!({
        "type": kind,
        "header": {"thread_id": thread, "tenant_id": "acme", "timestamp_us": at, "sequence": 1},
    });
    let own = own.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(own);
    document
}

fn stage(call: &str, stage: &str, retries: u32, ms: Value) -> Value {
    let own = json!({"call_id": call, "tool_name": "search", "stage": stage, "retry_count": retries, "duration_ms": ms});
    document("ToolExecution", "s1", 1, own)
}

fn chunk(request: &str, prompt: u32, completion: u32) -> Value {
    let stats = json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion});
    document(
        "TokenChunk",
        "s1",
        1,
        json!({"request_id": request, "text": "x", "stats": stats}),
    )
}

fn of_documents(documents: &[Value], counting: Counting) -> Value {
    let text: String = documents.iter().map(|document| format!("{document}\n")).collect();
    let (report, remarks) = counted(text.as_bytes(), counting);
    assert_eq!(remarks.documents, documents.len() as u64, "{remarks:?}");
    json_of(&report)
}

#[test]
fn a_call_is_one_call_and_a_failure_that_a_retry_made_up_for_is_none() {
    let documents = [
        stage("c1", "REQUESTED", 0, Value::Null),
        stage("c1", "STARTED", 0, Value::Null),
        stage("c1", "FAILED", 0, json!(9.0)),
        stage("c1", "RETRYING", 1, Value::Null),
        stage("c1", "STARTED", 1, Value::Null),
        stage("c1", "COMPLETED", 1, json!(140.0)),
        stage("c2", "FAILED", 0, json!(10.0)),
        stage("c3", "STARTED", 0, Value::Null),
    ];
    let found = of_documents(&documents, Counting::Default);
    let row = &found["tool_performance"][0];
    assert_eq!(
        [
            "total_calls",
            "completed",
            "failed",
            "unfinished",
            "retried",
            "attempts"
        ]
        .map(|key| &row[key]),
        [3, 1, 1, 1, 1, 4]
    );
    assert_eq!(row["avg_duration_ms"], 75.0);
    assert_eq!(found["sessions"][0]["tool_calls"], 3);
    let reference = of_documents(&documents, Counting::Reference);
    assert_eq!(reference["tool_performance"][0]["total_calls"], 8);
    assert_eq!(reference["tool_performance"][0]["success_rate"], 12.5);
    assert_eq!(reference["sessions"][0]["tool_calls"], 8);
}

#[test]
fn tokens_of_a_request_count_once() {
    let documents = [
        chunk("r1", 100, 1),
        chunk("r1", 100, 2),
        chunk("r2", 7, 3),
        chunk("", 1, 1),
        chunk("", 1, 1),
    ];
    let found = of_documents(&documents, Counting::Default);
    assert_eq!(found["summary"]["total_prompt_tokens"], 109);
    assert_eq!(found["summary"]["total_completion_tokens"], 7);
    assert_eq!(found["summary"]["total_tokens"], 116);
    let reference = of_documents(&documents, Counting::Reference);
    assert_eq!(reference["summary"]["total_prompt_tokens"], 209);
}

#[test]
fn threads_of_two_tenants_are_two_sessions() {
    let mut other = document("Event", "s1", 5_000, json!({"event_type": "GRAPH_START"}));
    other["header"]["tenant_id"] = json!("globex");
    let documents = [
        document("Event", "s1", 1_000, json!({"event_type": "GRAPH_START"})),
        other,
        document("Metrics", "s1", 4_000, json!({})),
    ];
    let found = of_documents(&documents, Counting::Default);
    assert_eq!(found["summary"]["total_sessions"], 2);
    assert_eq!(found["sessions"][0]["duration_ms"], 3.0);
    let reference = of_documents(&documents, Counting::Reference);
    assert_eq!(reference["summary"]["total_sessions"], 1);
    assert_eq!(reference["sessions"][0]["tenant_id"], "acme");
    assert_eq!(reference["sessions"][0]["duration_ms"], 4.0);
}

#[test]
fn only_ends_of_nodes_are_executions_and_an_alert_is_no_failed_run() {
    let event = |kind: &str, node: Value, ms: Value| {
        document(
            "Event",
            "s1",
            1,
            json!({"event_type": kind, "node_id": node, "duration_ms": ms}),
        )
    };
    let documents = [
        event("NODE_END", json!("plan"), json!(10.0)),
        event("NODE_END", json!("plan"), Value::Null),
        event("LLM_END", json!("plan"), json!(90.0)),
        event("PARALLEL_END", json!("a,b"), json!(90.0)),
        event("NODE_ERROR", json!("plan"), Value::Null),
        event("GRAPH_ERROR", json!("quality_monitor"), Value::Null),
        event("GRAPH_ERROR", Value::Null, json!(3.0)),
        event("GRAPH_END", Value::Null, json!(50.0)),
    ];
    let found = of_documents(&documents, Counting::Default);
    let nodes = found["node_performance"].as_array().unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(
        (&nodes[0]["execution_count"], &nodes[0]["error_count"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(nodes[0]["avg_duration_ms"], 10.0);
    let runs = &found["graph_runs"];
    assert_eq!(
        ["completed", "failed", "quality_alerts"].map(|key| &runs[key]),
        [1, 1, 1]
    );
    assert_eq!(runs["success_rate"], 50.0);
    assert_eq!(
        found["error_sources"]["error_events"],
        json!({"GRAPH_ERROR": 1, "NODE_ERROR": 1})
    );
    let reference = of_documents(&documents, Counting::Reference);
    assert_eq!(reference["node_performance"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_not_understood_is_counted_and_the_first_of_it_told() {
    let event = document("Event", "s1", 1, json!({"event_type": "GRAPH_START"})).to_string();
    let text = format!(
        "\u{feff}{event}\n\n[{event},\n{event}]\n{{\"type\":\"Event\",\"head\n42 no\n\
         {{\"type\":\"Event\",\"header\":{{\"thread_id\":7,\"sequence\":1}},\"event_type\":\"X\"}}\n\
         {{\"type\":\"Novel\"}}{{\"a\":1}}\n{event}"
    );
    let (report, remarks) = counted(text.as_bytes(), Counting::Default);
    assert_eq!(report.summary.total_events, 4);
    assert_eq!(
        (remarks.documents, remarks.unreadable, remarks.unfit),
        (4, 1, 1),
        "{remarks:?}"
    );
    assert_eq!(remarks.unknown_types.get("Novel"), Some(&1));
    assert_eq!(remarks.unknown_types.get(""), Some(&1));
    let first = remarks.first.unwrap();
    assert_eq!(first.number, 4);
    assert!(first.why.contains("control character"), "{}", first.why);

    // A line of the reference is one document from its first byte to its last.
    let (_, remarks) = counted(text.as_bytes(), Counting::Reference);
    assert_eq!((remarks.documents, remarks.unreadable), (1, 6));
    assert_eq!(remarks.first.unwrap().number, 1);
}

#[test]
fn text_that_is_not_utf8_is_no_document_wherever_it_stands() {
    let event = document(
        "Event",
        "s1",
        1,
        json!({"event_type": "GRAPH_START", "attributes": {"a": "~"}}),
    );
    let mut input = format!("{event}\n").into_bytes();
    let bad: Vec<u8> = input
        .iter()
        .map(|byte| if *byte == b'~' { 0xff } else { *byte })
        .collect();
    input.extend(bad);
    for counting in [Counting::Default, Counting::Reference] {
        let (_, remarks) = counted(&input, counting);
        assert_eq!((remarks.documents, remarks.unreadable), (1, 1), "{counting}");
        assert_eq!(
            remarks.first.unwrap().why,
            "it is no whole JSON document: it is not UTF-8"
        );
    }
}

#[test]
fn a_field_of_another_type_matters_only_to_the_types_that_have_it() {
    let good = document(
        "Metrics",
        "s1",
        1,
        json!({"stats": 7, "event_type": {"a": [1]}, "retry_count": -1}),
    );
    let bad = [
        document(
            "TokenChunk",
            "s1",
            1,
            json!({"stats": {"prompt_tokens": 4_294_967_296_u64}}),
        ),
        document(
            "ToolExecution",
            "s1",
            1,
            json!({"tool_name": "x", "stage": "FAILED", "retry_count": -1}),
        ),
        document("Event", "s1", 1, json!({"event_type": null})),
        document("Error", "s1", 1, json!({"severity": "ERROR"})),
    ];
    for counting in [Counting::Default, Counting::Reference] {
        let text: String = bad
            .iter()
            .chain([&good])
            .map(|document| format!("{document}\n"))
            .collect();
        let (_, remarks) = counted(text.as_bytes(), counting);
        assert_eq!((remarks.documents, remarks.unfit), (1, 4), "{remarks:?}");
    }
}

#[test]
fn names_cannot_steer_a_terminal_or_break_a_table() {
    let event = document(
        "Event",
        "a\u{1b}[2J|b\nc",
        1,
        json!({"event_type": "GRAPH_START"}),
    );
    let (report, _) = counted(event.to_string().as_bytes(), Counting::Default);
    assert!(!to_text(&report).contains('\u{1b}'));
    assert!(
        to_markdown(&report).contains("| a\\u{1b}[2J\\|b\\nc |"),
        "{}",
        to_markdown(&report)
    );
}

/// One piece of input: documents in several styles, and what is none.
fn piece() -> impl Strategy<Value = String> {
    let document = (0..6_u8, 0..3_u8, 0..4_u8, 0..50_u32).prop_map(|(kind, thread, name, number)| {
        let thread = format!("s{thread}");
        let at = i64::from(number) * 1_000;
        match kind {
            0 => document("Event", &thread, at, json!({"event_type": "NODE_END", "node_id": format!("n{name}"), "duration_ms": number})),
            1 => document("TokenChunk", &thread, at, json!({"request_id": format!("r{name}"), "text": "{\"}\n{", "stats": {"prompt_tokens": number}})),
            2 => document("ToolExecution", &thread, at, json!({"call_id": format!("c{name}"), "tool_name": format!("t{number}"), "stage": "FAILED", "duration_ms": number})),
            3 => document("Error", &thread, at, json!({"severity": "WARNING", "message": "m"})),
            4 => document("Novel", &thread, at, json!({})),
            _ => document("Event", &thread, at, json!({"event_type": "GRAPH_ERROR"})),
        }
    });
    prop_oneof![
        6 => document.clone().prop_map(|document| format!("{document}\n")),
        2 => document.clone().prop_map(|document| format!("{document:#}\n")),
        1 => document.clone().prop_map(|document| format!("{document}\r\n")),
        1 => document.clone().prop_map(|document| format!("[{document},\n{document}]")),
        1 => (document, 0..200_usize).prop_map(|(document, len)| {
            let text = document.to_string();
            format!("{}\n", &text[..len.min(text.len() - 1)])
        }),
        1 => Just("garbage\n".to_owned()),
        1 => Just("}\n{\n".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_result_does_not_depend_on_how_the_input_is_cut(
        pieces in prop::collection::vec(piece(), 0..40),
        chunk_bytes in 1..700_usize,
        threads in 1..4_usize,
    ) {
        let text = pieces.concat();
        for counting in [Counting::Default, Counting::Reference] {
            let read = |chunk_bytes, threads| {
                let mut bytes = text.as_bytes();
                let input = read_in_chunks(&mut bytes, counting, threads, chunk_bytes).unwrap();
                (to_json(&input.accumulator.report()), input.remarks, input.bytes)
            };
            let whole = read(1 << 20, 1);
            prop_assert_eq!(whole.2, text.len() as u64);
            prop_assert_eq!(read(chunk_bytes, threads), whole);
        }
    }
}
