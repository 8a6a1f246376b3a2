//! Every format over the same tricky rows.

use std::sync::Arc;

use quipu::arrow::array::{
    ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use quipu::arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::*;

const ESC: &str = "\u{1b}]0;owned\u{7}";

/// Rows that a careless writer gets wrong: quotes, separators, line feeds, escape sequences, nulls beside empty
/// text, wide letters, a repeated name.
fn rows() -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("n", DataType::Int64, true),
        Field::new("ratio", DataType::Float64, true),
        Field::new(
            "at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            true,
        ),
        Field::new("id", DataType::Binary, true),
        Field::new("name", DataType::Utf8, true),
    ]);
    let names: Vec<Option<&str>> = vec![
        Some("a, \"b\" | <c>"),
        Some("two\nlines\tand \\"),
        None,
        Some(""),
        Some(ESC),
        Some("東京"),
    ];
    let id = [0x0f_u8; 16];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(names)),
        Arc::new(Int64Array::from(vec![
            Some(1),
            Some(-20),
            None,
            Some(0),
            Some(5),
            Some(i64::MAX),
        ])),
        Arc::new(Float64Array::from(vec![
            Some(0.5),
            Some(f64::NAN),
            None,
            Some(1e21),
            Some(1.0),
            Some(-0.0),
        ])),
        Arc::new(
            TimestampMicrosecondArray::from(vec![Some(0), None, None, Some(i64::MAX), Some(1), Some(-1)])
                .with_timezone("UTC"),
        ),
        Arc::new(BinaryArray::from(vec![
            Some(id.as_slice()),
            Some(&[1, 2]),
            None,
            Some(&[]),
            None,
            None,
        ])),
        Arc::new(StringArray::from(vec!["x"; 6])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn style(format: Format) -> Style {
    Style {
        format,
        header: true,
        null: String::new(),
        terminal: false,
        width: None,
    }
}

fn written(batches: &[RecordBatch], schema: &Schema, style: &Style) -> String {
    let mut out = Vec::new();
    let mut writer = begin(schema, style, &mut out).unwrap();
    for batch in batches {
        writer.batch(batch).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    String::from_utf8(out).unwrap()
}

fn shown(style: &Style) -> String {
    let batch = rows();
    // In two batches, so that what stands between batches is seen too.
    written(&[batch.slice(0, 2), batch.slice(2, 4)], batch.schema_ref(), style)
}

#[test]
fn table_of_tricky_rows() {
    insta::assert_snapshot!(shown(&style(Format::Table)));
}

#[test]
fn csv_of_tricky_rows() {
    insta::assert_snapshot!(shown(&style(Format::Csv)));
}

#[test]
fn tsv_of_tricky_rows() {
    insta::assert_snapshot!(shown(&style(Format::Tsv)));
}

#[test]
fn json_of_tricky_rows() {
    let json = shown(&style(Format::Json));
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 6);
    assert_eq!(rows[4]["name"], ESC);
    assert_eq!(rows[5]["n"], i64::MAX);
    insta::assert_snapshot!(json);
}

#[test]
fn jsonl_is_one_object_a_line_with_every_key() {
    let jsonl = shown(&style(Format::Jsonl));
    for line in jsonl.lines() {
        let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let mut keys: Vec<&str> = row.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["at", "id", "n", "name", "name_2", "ratio"]);
    }
    assert_eq!(jsonl.lines().count(), 6);
}

#[test]
fn markdown_of_tricky_rows() {
    insta::assert_snapshot!(shown(&style(Format::Markdown)));
}

#[test]
fn line_of_tricky_rows() {
    insta::assert_snapshot!(shown(&style(Format::Line)));
}

#[test]
fn a_narrow_terminal_cuts_values_and_says_so() {
    let batch = rows();
    let style = Style {
        terminal: true,
        width: Some(100),
        ..style(Format::Table)
    };
    let mut out = Vec::new();
    let mut writer = begin(batch.schema_ref(), &style, &mut out).unwrap();
    writer.batch(&batch).unwrap();
    assert_eq!(writer.finish().unwrap(), Shown::Cut);
    drop(writer);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.lines()
            .all(|line| unicode_width::UnicodeWidthStr::width(line) <= 100),
        "{text}"
    );
    assert!(text.contains('…'));
}

#[test]
fn a_table_that_cannot_fit_is_turned_into_lines() {
    let batch = rows();
    let lines = shown(&style(Format::Line));
    let mut seen = Vec::new();
    for width in 1..=100 {
        let style = Style {
            terminal: true,
            width: Some(width),
            ..style(Format::Table)
        };
        let mut out = Vec::new();
        let mut writer = begin(batch.schema_ref(), &style, &mut out).unwrap();
        writer.batch(&batch).unwrap();
        let became = writer.finish().unwrap();
        drop(writer);
        let text = String::from_utf8(out).unwrap();
        if became == Shown::Turned {
            assert_eq!(text, lines, "{width}");
        } else {
            let widest = text.lines().map(unicode_width::UnicodeWidthStr::width).max();
            assert!(widest.unwrap() <= width, "{width}: {text}");
        }
        if seen.last() != Some(&became) {
            seen.push(became);
        }
    }
    assert_eq!(seen, [Shown::Turned, Shown::Cut]);
}

#[test]
fn an_empty_table_keeps_its_header_however_narrow_the_terminal() {
    let batch = rows().slice(0, 0);
    let style = Style {
        terminal: true,
        width: Some(10),
        ..style(Format::Table)
    };
    let mut out = Vec::new();
    let mut writer = begin(batch.schema_ref(), &style, &mut out).unwrap();
    writer.batch(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    assert!(String::from_utf8(out).unwrap().contains("ratio"));
}

#[test]
fn plans_are_written_as_lines_where_a_table_would_hide_them() {
    let schema = Schema::new(vec![
        Field::new("plan_type", DataType::Utf8, false),
        Field::new("plan", DataType::Utf8, false),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["logical_plan", "physical_plan"])),
        Arc::new(StringArray::from(vec![
            format!("Projection: a\n  Filter: b = '{ESC}'\n    TableScan: t\n"),
            "EmptyExec".to_owned(),
        ])),
    ];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let text = |style: &Style| {
        let mut out = Vec::new();
        let mut writer = begin(batch.schema_ref(), style, &mut out).unwrap();
        writer.batch(&batch).unwrap();
        assert_eq!(writer.finish().unwrap(), Shown::Whole);
        drop(writer);
        String::from_utf8(out).unwrap()
    };
    let escaped = "\\u001b]0;owned\\u0007";
    assert_eq!(
        text(&style(Format::Table)),
        format!(
            "logical_plan\n  Projection: a\n    Filter: b = '{escaped}'\n      TableScan: t\nphysical_plan\n  EmptyExec\n"
        )
    );
    assert!(text(&style(Format::Csv)).starts_with("plan_type,plan\n"));
}

#[test]
fn no_format_sends_an_escape_sequence_to_a_terminal() {
    for format in Format::value_variants() {
        let text = shown(&Style {
            terminal: true,
            width: Some(200),
            ..style(*format)
        });
        let found = text
            .chars()
            .find(|c| escape::is_unsafe(*c) && *c != '\n' && *c != '\t');
        assert_eq!(found, None, "{format:?}");
    }
}

#[test]
fn csv_into_a_file_keeps_every_character() {
    assert!(shown(&style(Format::Csv)).contains(ESC));
}

#[test]
fn null_and_empty_text_differ_in_csv() {
    let csv = shown(&style(Format::Csv));
    assert!(csv.lines().any(|line| line.starts_with(",,")), "{csv}");
    assert!(csv.lines().any(|line| line.starts_with("\"\",0")), "{csv}");
}

#[test]
fn a_value_that_looks_like_the_null_text_is_quoted() {
    let schema = Schema::new(vec![Field::new("x", DataType::Utf8, true)]);
    let column: ArrayRef = Arc::new(StringArray::from(vec![None, Some("NULL")]));
    let batch = RecordBatch::try_new(Arc::new(schema.clone()), vec![column]).unwrap();
    let style = Style {
        null: "NULL".to_owned(),
        ..style(Format::Csv)
    };
    assert_eq!(written(&[batch], &schema, &style), "x\nNULL\n\"NULL\"\n");
}

#[test]
fn without_header_the_first_line_is_a_row() {
    for format in [Format::Csv, Format::Tsv] {
        let text = shown(&Style {
            header: false,
            ..style(format)
        });
        assert!(!text.contains("ratio"), "{text}");
    }
}

#[test]
fn no_rows_still_make_a_whole_document() {
    let batch = rows();
    let empty = |format| written(&[], batch.schema_ref(), &style(format));
    assert_eq!(empty(Format::Json), "[]\n");
    assert_eq!(empty(Format::Jsonl), "");
    assert_eq!(empty(Format::Line), "");
    assert_eq!(empty(Format::Csv), "name,n,ratio,at,id,name\n");
    assert_eq!(empty(Format::Table).lines().count(), 4);
    assert_eq!(empty(Format::Markdown).lines().count(), 2);
}
