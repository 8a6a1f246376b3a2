//! `quipu report` and `quipu run` as a user meets them, over a recorded file whose counts are known.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{Told, quipu, recorded_store};
use serde_json::Value;

fn run(arguments: &[&str]) -> Told {
    Told::of(quipu().args(arguments).arg("--store").arg(recorded_store()))
}

fn json(arguments: &[&str]) -> Value {
    let told = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(told.code, 0, "{}", told.err);
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {}", told.out))
}

fn refused(arguments: &[&str]) -> String {
    let told = run(arguments);
    assert_eq!((told.code, told.out.as_str()), (2, ""), "{}", told.err);
    assert_eq!(told.err.trim_end().lines().count(), 1, "{}", told.err);
    told.err
}

#[test]
fn the_summary_counts_what_the_recording_holds() {
    let summary = json(&["report"]);
    assert_eq!(summary["report"], "summary");
    assert_eq!(summary["completeness"]["ratio"], 1.0);
    let runs = &summary["runs"];
    assert_eq!(
        (&runs["runs"], &runs["completed"], &runs["failed"]),
        (&39.into(), &37.into(), &2.into())
    );
    assert_eq!(runs["sessions"], 21);
    let tools = &summary["tools"];
    assert_eq!(
        (
            &tools["calls"],
            &tools["completed"],
            &tools["failed"],
            &tools["attempts"]
        ),
        (&72.into(), &69.into(), &3.into(), &83.into())
    );
}

#[test]
fn every_report_answers_in_every_format() {
    for name in [
        "summary",
        "runs",
        "sessions",
        "nodes",
        "tools",
        "llm",
        "errors",
        "tokens",
        "cost",
        "gaps",
        "completeness",
    ] {
        let report = json(&["report", name]);
        assert_eq!(report["report"], name);
        for format in ["text", "markdown", "line"] {
            let told = run(&["report", name, "--format", format]);
            assert_eq!(told.code, 0, "{name} {format}: {}", told.err);
            assert!(
                told.out
                    .trim_end()
                    .lines()
                    .last()
                    .unwrap()
                    .starts_with("completeness 100.000 %"),
                "{}",
                told.out
            );
            assert!(!told.out.contains('\u{1b}'), "no colour in a pipe");
        }
    }
    let timeline = json(&["report", "timeline", "conv_33229"]);
    assert_eq!(timeline["rows"].as_array().unwrap().len(), 50);
}

#[test]
fn a_report_is_narrowed_down() {
    let all = json(&["report", "sessions"]);
    let sessions = all["rows"].as_array().unwrap();
    let thread = sessions[0]["thread_id"].as_str().unwrap();
    let tenant = sessions[0]["tenant_id"].as_str().unwrap();
    let one = json(&["report", "sessions", "--thread", thread, "--tenant", tenant]);
    assert_eq!(one["rows"].as_array().unwrap().len(), 1);
    assert_eq!(one["rows"][0], sessions[0]);
    assert_eq!(json(&["report", "--until", "1971-01-01"])["runs"]["runs"], 0);
    assert_eq!(json(&["report", "--since", "1971-01-01"])["runs"]["runs"], 39);
    let failed = json(&["report", "runs", "--where", "status = 'failed' or errors > 1000"]);
    assert_eq!(failed["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn csv_holds_one_section_and_says_which_there_are() {
    let error = refused(&["report", "cost", "--format", "csv"]);
    assert!(
        error.contains("--section from total, by_model, by_session"),
        "{error}"
    );
    let told = run(&["report", "cost", "--format", "csv", "--section", "by_model"]);
    assert!(told.out.starts_with("model,requests,"), "{}", told.out);
    assert!(told.err.starts_with("completeness "), "{}", told.err);
}

#[test]
fn what_cannot_be_asked_is_one_line_and_wrong_usage() {
    for (arguments, says) in [
        (
            &["report", "nosuch"][..],
            "there is no report \"nosuch\"; there are completeness_by_hour",
        ),
        (&["report", "timeline"], "needs the parameter \"thread\" (text)"),
        (&["report", "timeline", "a", "b"], "takes 1 values"),
        (
            &["report", "tools", "-p", "top=many"],
            "\"many\" is no count for top",
        ),
        (
            &["report", "tools", "-p", "bottom=1"],
            "has no parameter \"bottom\"; it has top",
        ),
        (
            &["report", "timeline", "a", "--graph", "g"],
            "cannot be narrowed down by graph",
        ),
        (&["report", "tools", "--where", "calls >"], "is no condition"),
        (
            &["report", "llm", "--by", "hour"],
            "--by is for report completeness",
        ),
        (&["report", "tools", "-p", "top=-1"], "\"-1\" is no count for top"),
        (
            &["report", "tools", "--where", "calls > $top"],
            "it takes no parameters",
        ),
        (&["run", "/nonexistent.sql"], "No such file"),
        (
            &["report", "tools", "--section", "x"],
            "has no section \"x\"; it has rows",
        ),
    ] {
        let error = refused(arguments);
        assert!(error.contains(says), "{error}");
    }
    let told = run(&["report", "tools", "--where", "colour = 'red'"]);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(told.err.contains("No field named colour"), "{}", told.err);
    let told = Told::of(quipu().args(["report", "tools", "--store", "/nonexistent"]));
    assert_eq!(told.code, 1);
    assert!(told.err.contains("no store at"), "{}", told.err);
}

#[test]
fn a_report_of_ones_own_takes_parameters_that_stay_values() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.sql");
    fs::write(
        &file,
        "-- mine: threads of a name.\n\
         -- Param: least integer = 0 -- messages\n\
         -- Filter: tenant = tenant_id\n\
         -- Section: thread (table)\n\
         select thread_id, messages from sessions where messages >= $least and $filter;\n\
         -- Section: named\n\
         select thread_id, messages from thread where thread_id = $name;\n\
         -- Section: total (record)\n\
         select count(*) as threads from thread",
    )
    .unwrap();
    let file = common::text(&file);
    let report = json(&["run", file, "-p", "name=conv_33229"]);
    assert_eq!(report["named"][0]["messages"], 50);
    assert_eq!(report["total"]["threads"], 21);
    let report = json(&["run", file, "x' or 'a' = 'a", "-p", "least=100"]);
    assert_eq!(report["named"].as_array().unwrap().len(), 0);
    assert!(report["total"]["threads"].as_u64().unwrap() < 21);
    assert_eq!(
        json(&["run", file, "x", "--tenant", "nobody"])["total"]["threads"],
        0
    );
    let error = refused(&["run", file]);
    assert!(error.contains("needs the parameter \"name\""), "{error}");
    fs::write(file, "select 1; drop table events").unwrap();
    let told = run(&["run", file]);
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(told.err.contains("refused"), "{}", told.err);
}

#[test]
fn a_price_list_of_ones_own_replaces_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices.csv");
    fs::write(&file, "model,input_usd_per_mtok,output_usd_per_mtok\nhouse,2,4\n").unwrap();
    let ask = "select cost_usd('house-2026-01-01', 1000000, 1000000), cost_usd('gpt-4o', 1, 1), cost_note('gpt-4o', 1, 1)";
    let ask = ["sql", "--format", "csv", "--no-header", "-c", ask];
    let told = run(&[&ask[..], &["--prices", common::text(&file)]].concat());
    assert_eq!(
        told.out, "6.0,,no price of gpt-4o in system.prices\n",
        "{}",
        told.err
    );
    fs::write(
        &file,
        "model,input_usd_per_mtok,output_usd_per_mtok\nhouse,two,4\n",
    )
    .unwrap();
    let error = refused(&[&ask[..], &["--prices", common::text(&file)]].concat());
    assert!(error.contains("is wrong in line 2"), "{error}");
    let told = run(&ask);
    assert!(told.out.starts_with(",1.25e-5,"), "{}", told.out);
}
