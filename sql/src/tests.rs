//! Sessions over stores that are written by hand.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::util::pretty::pretty_format_batches;
use quipu_proto::Table;
use quipu_store::{Commit, Reader, Writer, WriterOptions};

use crate::{Access, Session, SessionOptions, SqlError, SqlErrorKind, completeness};

/// Rows of a table: named columns, the others null, or empty where they may not be.
pub(crate) fn batch(table: Table, rows: usize, columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let schema = table.schema();
    let arrays = schema.fields().iter().map(|field| {
        if let Some((_, array)) = columns.iter().find(|(name, _)| name == field.name()) {
            return cast(array, field.data_type()).unwrap();
        }
        if field.is_nullable() {
            return new_null_array(field.data_type(), rows);
        }
        let filler: ArrayRef = match field.name().as_str() {
            "topic" => texts(vec!["t"; rows]),
            "incarnation" => texts(vec!["i"; rows]),
            "tenant_id" => texts(vec!["default"; rows]),
            "repeated" => Arc::new(BooleanArray::from(vec![false; rows])),
            _ => cast(&ints(vec![0; rows]), field.data_type()).unwrap_or_else(|_| texts(vec![""; rows])),
        };
        cast(&filler, field.data_type()).unwrap()
    });
    RecordBatch::try_new(Arc::clone(&schema), arrays.collect()).unwrap()
}

pub(crate) fn texts(values: Vec<&str>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

pub(crate) fn ints(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

/// A store with one commit per entry, each of which becomes one segment.
fn store(path: &Path, commits: Vec<(Table, RecordBatch)>) {
    let mut writer = Writer::open(path, WriterOptions::default()).unwrap();
    for (table, rows) in commits {
        writer
            .commit(Commit {
                batches: vec![(table, vec![rows])],
                ..Commit::default()
            })
            .unwrap();
    }
    writer.close();
}

fn session(path: &Path) -> Session {
    Session::open(Reader::open(path).unwrap().snapshot().unwrap()).unwrap()
}

async fn text(session: &Session, sql: &str) -> String {
    pretty_format_batches(&session.collect(sql).await.unwrap())
        .unwrap()
        .to_string()
}

/// One number.
async fn number(session: &Session, sql: &str) -> i64 {
    let batches = session.collect(sql).await.unwrap();
    let batch = batches.iter().find(|batch| batch.num_rows() == 1).unwrap();
    let column = cast(batch.column(0), &datafusion::arrow::datatypes::DataType::Int64).unwrap();
    column.as_any().downcast_ref::<Int64Array>().unwrap().value(0)
}

/// Four segments of events: thread a at offsets 0.., b at 100.., c at 200.., d at 300...
fn events(path: &Path) {
    let segments = ["a", "b", "c", "d"].into_iter().enumerate().map(|(n, thread)| {
        let n = n as i64 * 100;
        let columns = [
            ("thread_id", texts(vec![thread; 3])),
            ("offset", ints(vec![n, n + 1, n + 2])),
            (
                "time",
                times(vec![n * 1_000_000, n * 1_000_000 + 1, n * 1_000_000 + 2]),
            ),
            (
                "event_type",
                texts(vec!["GRAPH_START", "NODE_START", "GRAPH_END"]),
            ),
            ("node_id", texts(vec!["", "plan", ""])),
            (
                "attributes",
                texts(vec![r#"{"a": {"b": 1}}"#, r#"{"a": "x"}"#, "{}"]),
            ),
        ];
        (Table::Events, batch(Table::Events, 3, &columns))
    });
    store(path, segments.collect());
}

/// Puts garbage in place of every segment but those of the given numbers.
fn ruin_all_but(session: &Session, kept: &[u64]) {
    for segment in session
        .snapshot()
        .manifest()
        .segments
        .iter()
        .filter(|segment| !kept.contains(&segment.id.0))
    {
        std::fs::write(
            session.snapshot().path_of(segment),
            vec![b'x'; segment.bytes as usize],
        )
        .unwrap();
    }
}

#[tokio::test]
async fn a_select_reads_all_segments_of_a_table() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    assert_eq!(
        number(&session, "select count(*) from events where node_id = 'plan'").await,
        4
    );
    assert_eq!(number(&session, "select sum(\"offset\") from events").await, 1812);
    assert_eq!(number(&session, "select count(*) from token_chunks").await, 0);
}

#[tokio::test]
async fn counts_and_ranges_come_from_the_manifest_without_opening_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    ruin_all_but(&session, &[]);
    assert_eq!(number(&session, "select count(*) from events").await, 12);
    assert_eq!(number(&session, "select max(\"offset\") from events").await, 302);
}

#[tokio::test]
async fn filters_rule_out_segments_without_opening_them() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    ruin_all_but(&session, &[2]);
    for filter in [
        "thread_id = 'b'",
        "thread_id in ('b', 'bb')",
        "\"offset\" between 100 and 150",
        "\"offset\" = 101",
        "time >= to_timestamp(100) and time < to_timestamp(101)",
        "thread_id >= 'b' and thread_id < 'c'",
    ] {
        let sql = format!("select count(node_id) from events where {filter}");
        let count = session
            .collect(&sql)
            .await
            .unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(
            count.iter().map(RecordBatch::num_rows).sum::<usize>(),
            1,
            "{filter}"
        );
    }
    assert!(
        session
            .collect("select sum(sequence) from events where event_type = 'GRAPH_END'")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_thread_filter_rules_out_segments_whose_range_spans_the_thread() {
    let folder = tempfile::tempdir().unwrap();
    let segment = |threads: [&str; 2]| {
        (
            Table::Events,
            batch(Table::Events, 2, &[("thread_id", texts(threads.to_vec()))]),
        )
    };
    store(folder.path(), vec![segment(["a", "z"]), segment(["m", "n"])]);
    let session = session(folder.path());
    ruin_all_but(&session, &[2]);
    assert_eq!(
        number(
            &session,
            "select count(*) from events where thread_id = 'm' and sequence = 0"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn an_explained_scan_tells_how_many_segments_it_keeps() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    let plan = text(
        &session,
        "explain analyze select node_id from events where thread_id = 'b'",
    )
    .await;
    assert!(
        plan.contains("segments_kept=1") && plan.contains("segments_pruned=3"),
        "{plan}"
    );
}

#[tokio::test]
async fn a_damaged_or_missing_segment_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let first = session(folder.path());
    ruin_all_but(&first, &[2, 3, 4]);
    let error = first
        .collect("select sum(sequence) from events")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SqlErrorKind::Damaged, "{error}");
    let second = session(folder.path());
    let manifest = Arc::clone(second.snapshot().manifest());
    std::fs::remove_file(second.snapshot().path_of(&manifest.segments[0])).unwrap();
    let error = second
        .collect("select sum(sequence) from events")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SqlErrorKind::Damaged, "{error}");
    assert!(!error.to_string().contains('\n'));
}

#[tokio::test]
async fn statements_that_do_not_only_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    for (sql, what) in [
        ("create table x as select 1", "CREATE TABLE"),
        ("create view x as select 1", "CREATE VIEW"),
        (
            "create external table x stored as csv location '/etc/passwd'",
            "CREATE EXTERNAL TABLE",
        ),
        ("drop table events", "DROP TABLE"),
        ("insert into events select * from events", "INSERT"),
        ("delete from events", "DELETE"),
        ("update events set node_id = 'x'", "UPDATE"),
        ("copy events to 'out.csv'", "COPY"),
        ("copy (select 1) to 'out.parquet'", "COPY"),
        ("set datafusion.execution.batch_size = 1", "SET"),
        ("reset datafusion.execution.batch_size", "RESET"),
        ("explain create table x as select 1", "CREATE TABLE"),
        (
            "explain analyze insert into events select * from events",
            "INSERT",
        ),
        ("select 1 into x", "SELECT INTO"),
        ("prepare p as select 1", "PREPARE"),
        ("begin", "BEGIN"),
        ("use quipu", "USE"),
        ("truncate table events", "TRUNCATE"),
        ("select * from '/etc/passwd'", ""),
        ("select * from \"/etc/passwd\"", "file"),
        ("select * from \"data.csv\"", ""),
        ("select * from read_csv('/etc/passwd')", ""),
        ("select * from read_parquet('x')", ""),
        ("with x as (delete from events returning *) select * from x", ""),
    ] {
        let error = session
            .sql(sql)
            .await
            .err()
            .unwrap_or_else(|| panic!("{sql} passed"));
        assert_eq!(error.kind(), SqlErrorKind::Question, "{sql}: {error}");
        assert!(error.to_string().contains(what), "{sql}: {error}");
        assert!(!error.to_string().contains('\n'), "{sql}: {error}");
    }
}

#[tokio::test]
async fn statements_that_only_read_pass() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    for sql in [
        "select 1",
        "values (1), (2)",
        "with x as (select 1 as n) select n from x",
        "explain select * from events",
        "explain analyze select * from events",
        "show tables",
        "show columns from events",
        "show functions",
        "describe events",
        "describe gaps",
        "select * from information_schema.views",
        "select * from generate_series(1, 3)",
        "select round(1.5), abs(-1)",
    ] {
        session
            .collect(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[tokio::test]
async fn full_access_lets_settings_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let snapshot = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let session = Session::new(
        snapshot,
        SessionOptions {
            access: Access::Full,
            ..SessionOptions::default()
        },
    )
    .unwrap();
    session
        .collect("set datafusion.execution.batch_size = 100")
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unknown_name_is_told_on_one_line_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    let error = session.sql("select * from event").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "table 'event' not found; SHOW TABLES lists what there is"
    );
    let error = session.sql("select nod_id from events").await.unwrap_err();
    assert!(
        !error.to_string().contains('\n') && error.to_string().contains("node_id"),
        "{error}"
    );
    let error = session
        .sql("select state_at('tenant', thread_id) from events")
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("state_at gives a table and belongs behind FROM: "),
        "{error}"
    );
    let error = session.sql("select stat_at(1)").await.unwrap_err();
    assert!(
        error.to_string().contains("Invalid function 'stat_at'"),
        "{error}"
    );
    let error = session.sql("selec 1").await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("expected"), "{error}");
}

#[tokio::test]
async fn json_operators_bind_tighter_than_comparisons() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    assert_eq!(
        number(
            &session,
            "select count(*) from events where attributes ->> 'a' = 'x'"
        )
        .await,
        4
    );
    assert_eq!(
        number(
            &session,
            "select count(*) from events where (attributes -> 'a' -> 'b')::int = 1"
        )
        .await,
        4
    );
    let shown = text(
        &session,
        "select distinct attributes -> 'a' as a from events order by 1",
    )
    .await;
    assert!(
        shown.contains("| {\"b\": 1} |") && shown.contains("| \"x\" "),
        "{shown}"
    );
}

#[tokio::test]
async fn ids_compare_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let id: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&[0x55; 16]]));
    let rows = batch(
        Table::Events,
        1,
        &[("thread_id", texts(vec!["a"])), ("message_id", id)],
    );
    store(folder.path(), vec![(Table::Events, rows)]);
    let session = session(folder.path());
    let sql =
        "select count(*) from events where uuid_text(message_id) = '55555555-5555-5555-5555-555555555555'";
    assert_eq!(number(&session, sql).await, 1);
}

#[tokio::test]
async fn chains_up_to_the_limit_run_and_longer_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    let chain = |operators: usize| {
        let terms: Vec<String> = (0..=operators).map(|n| format!("sequence = {n}")).collect();
        format!("select count(*) from events where {}", terms.join(" or "))
    };
    assert_eq!(number(&session, &chain(999)).await, 12);
    let sum = |operators: usize| {
        format!(
            "select max(sequence{}) from events",
            " + sequence".repeat(operators)
        )
    };
    assert_eq!(number(&session, &sum(1_000)).await, 0);
    let unions = |operators: usize| format!("select 1{}", " union all select 1".repeat(operators));
    assert_eq!(
        number(&session, &format!("select count(*) from ({})", unions(200))).await,
        201
    );
    for sql in [
        sum(1_001),
        sum(10_000),
        sum(50_000),
        chain(1_001),
        unions(1_001),
        unions(30_000),
        format!("select {}1", "not ".repeat(100_000)),
        format!("select {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("select 1{}", "::int".repeat(50_000)),
        format!("select * from events{}", " cross join events".repeat(5_000)),
    ] {
        let error = session
            .sql(&sql)
            .await
            .err()
            .unwrap_or_else(|| panic!("{} passed", &sql[..60]));
        assert_eq!(error.kind(), SqlErrorKind::Question, "{}: {error}", &sql[..60]);
    }
    let long = format!("select '{}'", "x".repeat(1 << 20));
    assert!(matches!(session.sql(&long).await, Err(SqlError::TooLong { .. })));
}

#[tokio::test]
async fn several_statements_at_once_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    assert!(matches!(
        session.sql("select 1; select 2").await,
        Err(SqlError::NotOneStatement { found: 2 })
    ));
    assert!(matches!(
        session.sql(" -- nothing").await,
        Err(SqlError::NotOneStatement { found: 0 })
    ));
    assert_eq!(number(&session, "select 1;").await, 1);
}

#[tokio::test]
async fn a_session_keeps_its_snapshot_while_the_store_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    let rows = batch(Table::Events, 1, &[("thread_id", texts(vec!["e"]))]);
    store(folder.path(), vec![(Table::Events, rows)]);
    assert_eq!(number(&session, "select count(*) from events").await, 12);
}

#[tokio::test]
async fn the_memory_limit_ends_a_query_that_cannot_spill() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let snapshot = Reader::open(folder.path()).unwrap().snapshot().unwrap();
    let options = SessionOptions {
        memory_bytes_max: Some(100_000),
        ..SessionOptions::default()
    };
    let session = Session::new(snapshot, options).unwrap();
    let sql = "select count(distinct value::text || 'x') from generate_series(1, 1000000)";
    let error = session.collect(sql).await.unwrap_err();
    assert_eq!(error.kind(), SqlErrorKind::Memory, "{error}");
}

/// A run of the ledger: thread, partition, first and last sequence, first and last offset.
type Run = (&'static str, i32, u64, u64, i64, i64, &'static str);

fn ledger(runs: &[Run]) -> (Table, RecordBatch) {
    let partition: ArrayRef = Arc::new(Int32Array::from_iter_values(runs.iter().map(|run| run.1)));
    let first: ArrayRef = Arc::new(UInt64Array::from_iter_values(runs.iter().map(|run| run.2)));
    let last: ArrayRef = Arc::new(UInt64Array::from_iter_values(runs.iter().map(|run| run.3)));
    let columns = [
        ("thread_id", texts(runs.iter().map(|run| run.0).collect())),
        ("partition", partition),
        ("first_sequence", first),
        ("last_sequence", last),
        ("first_offset", ints(runs.iter().map(|run| run.4).collect())),
        ("last_offset", ints(runs.iter().map(|run| run.5).collect())),
        ("head", texts(runs.iter().map(|run| run.6).collect())),
    ];
    (
        Table::SequenceRuns,
        batch(Table::SequenceRuns, runs.len(), &columns),
    )
}

fn dead_letter(key: &str, partition: i32, offset: i64) -> (Table, RecordBatch) {
    let key: ArrayRef = Arc::new(BinaryArray::from_vec(vec![key.as_bytes()]));
    let partition: ArrayRef = Arc::new(Int32Array::from(vec![partition]));
    let columns = [
        ("key", key),
        ("partition", partition),
        ("offset", ints(vec![offset])),
    ];
    (Table::DeadLetters, batch(Table::DeadLetters, 1, &columns))
}

async fn gaps(commits: Vec<(Table, RecordBatch)>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), commits);
    let session = session(folder.path());
    let sql =
        "select thread_id || ' ' || first_missing || '-' || last_missing || ' ' || missing || ' ' || cause
               from gaps order by thread_id, first_missing";
    let batches = session.collect(sql).await.unwrap();
    let texts = batches
        .iter()
        .map(|batch| cast(batch.column(0), &datafusion::arrow::datatypes::DataType::Utf8).unwrap());
    texts
        .flat_map(|array| {
            let array = array.as_any().downcast_ref::<StringArray>().unwrap().clone();
            (0..array.len())
                .map(move |row| array.value(row).to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn gaps_are_what_no_run_of_the_thread_covers() {
    let runs = [
        ("a", 0, 1, 5, 0, 4, "from_one"),
        ("a", 0, 8, 9, 5, 6, "from_one"),
        // Closes a gap late, and from another partition.
        ("b", 0, 1, 3, 0, 2, "from_one"),
        ("b", 0, 6, 9, 3, 6, "from_one"),
        ("b", 1, 4, 5, 0, 1, "from_one"),
        // Copies and overlaps do not open any.
        ("c", 0, 1, 10, 0, 9, "from_one"),
        ("c", 0, 2, 3, 10, 11, "from_one"),
        ("c", 1, 4, 12, 0, 8, "from_one"),
        ("c", 0, 14, 14, 12, 12, "from_one"),
        // A head that is missing, and one that is unknown anywhere in the thread.
        ("d", 0, 4, 4, 0, 0, "from_one"),
        ("e", 0, 4, 4, 0, 0, "from_one"),
        ("e", 1, 7, 7, 0, 0, "unknown"),
    ];
    assert_eq!(
        gaps(vec![ledger(&runs[..6]), ledger(&runs[6..])]).await,
        [
            "a 6-7 2 producer",
            "c 13-13 1 producer",
            "d 1-3 3 producer",
            "e 5-6 2 producer"
        ]
    );
}

#[tokio::test]
async fn gaps_hold_up_to_the_highest_number() {
    let runs = [
        ("a", 0, 1, 1, 0, 0, "from_one"),
        ("a", 0, u64::MAX, u64::MAX, 1, 1, "from_one"),
    ];
    assert_eq!(
        gaps(vec![ledger(&runs)]).await,
        ["a 2-18446744073709551614 18446744073709551613 producer"]
    );
    let runs = [
        ("a", 0, u64::MAX - 1, u64::MAX, 0, 1, "from_one"),
        ("b", 0, u64::MAX, u64::MAX, 0, 0, "from_one"),
        ("b", 0, u64::MAX, u64::MAX, 1, 1, "from_one"),
    ];
    assert_eq!(
        gaps(vec![ledger(&runs)]).await,
        [
            "a 1-18446744073709551613 18446744073709551613 producer",
            "b 1-18446744073709551614 18446744073709551614 producer"
        ]
    );
}

#[tokio::test]
async fn a_dead_letter_of_the_thread_between_the_neighbours_is_the_cause() {
    let runs = [
        ("a", 0, 1, 1, 0, 0, "from_one"),
        ("a", 0, 3, 3, 9, 9, "from_one"),
        ("b", 0, 2, 2, 5, 5, "from_one"),
        ("c", 0, 1, 1, 10, 10, "from_one"),
        ("c", 0, 3, 3, 19, 19, "from_one"),
        ("d", 0, 1, 1, 20, 20, "from_one"),
        ("d", 1, 3, 3, 5, 5, "from_one"),
    ];
    let letters = [
        dead_letter("a", 0, 4),
        dead_letter("a", 0, 5),
        dead_letter("b", 0, 3),
        // Of another thread, before, after, and in another partition.
        dead_letter("x", 0, 15),
        dead_letter("c", 0, 9),
        dead_letter("c", 0, 20),
        dead_letter("c", 1, 15),
        // A thread that moved: behind its last message in the one partition, or before the next in the other.
        dead_letter("d", 0, 21),
    ];
    let mut commits = vec![ledger(&runs)];
    commits.extend(letters);
    assert_eq!(
        gaps(commits).await,
        [
            "a 2-2 1 dead_lettered",
            "b 1-1 1 dead_lettered",
            "c 2-2 1 producer",
            "d 2-2 1 dead_lettered"
        ]
    );
}

#[tokio::test]
async fn an_unexplained_hole_between_the_neighbours_is_the_cause() {
    let runs = [
        ("a", 0, 1, 1, 0, 0, "from_one"),
        ("a", 0, 3, 3, 9, 9, "from_one"),
        ("a", 0, 5, 5, 20, 20, "from_one"),
    ];
    let holes = [
        ("first_offset", ints(vec![4, 12])),
        ("last_offset", ints(vec![6, 13])),
        ("cause", texts(vec!["unexplained", "control"])),
    ];
    let commits = vec![
        ledger(&runs),
        (Table::OffsetHoles, batch(Table::OffsetHoles, 2, &holes)),
    ];
    assert_eq!(gaps(commits).await, ["a 2-2 1 offset_hole", "a 4-4 1 producer"]);
}

/// Five messages of thread `a`, with two process lives: 1 2 3, then 1 and 3.
fn restarted() -> (Table, RecordBatch) {
    let ids: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"a", b"b", b"c", b"d", b"e"]));
    let sequence: ArrayRef = Arc::new(UInt64Array::from(vec![1, 2, 3, 1, 3]));
    let columns = [
        ("thread_id", texts(vec!["a"; 5])),
        ("message_id", ids),
        ("sequence", sequence),
        ("offset", ints((0..5).collect())),
        ("time", times((1..=5).collect())),
        ("event_type", texts(vec!["NODE_START"; 5])),
    ];
    (Table::Events, batch(Table::Events, 5, &columns))
}

/// Runs of thread `a`: first number, last number, messages.
fn ledger_of_a(runs: &[(u64, u64, i64)]) -> (Table, RecordBatch) {
    let numbers = |number: fn(&(u64, u64, i64)) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(runs.iter().map(number)))
    };
    let columns = [
        ("thread_id", texts(vec!["a"; runs.len()])),
        ("first_sequence", numbers(|run| run.0)),
        ("last_sequence", numbers(|run| run.1)),
        ("messages", ints(runs.iter().map(|run| run.2).collect())),
        ("head", texts(vec!["from_one"; runs.len()])),
    ];
    let rows = batch(Table::SequenceRuns, runs.len(), &columns);
    (Table::SequenceRuns, rows)
}

#[tokio::test]
async fn a_counter_that_starts_again_is_a_strand_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), vec![ledger_of_a(&[(1, 3, 5)]), restarted()]);
    let session = session(folder.path());
    let sql =
        "select strand, certainty, first_missing, last_missing, prev_offset, next_offset, cause from gaps";
    assert_eq!(
        text(&session, sql).await,
        "\
+--------+-----------+---------------+--------------+-------------+-------------+----------+
| strand | certainty | first_missing | last_missing | prev_offset | next_offset | cause    |
+--------+-----------+---------------+--------------+-------------+-------------+----------+
| 2      | exact     | 2             | 2            | 3           | 4           | producer |
+--------+-----------+---------------+--------------+-------------+-------------+----------+"
    );
    let sql = "select strand, kind, seen, missing, messages, head from strands order by strand";
    assert_eq!(
        text(&session, sql).await,
        "\
+--------+--------+------+---------+----------+----------+
| strand | kind   | seen | missing | messages | head     |
+--------+--------+------+---------+----------+----------+
| 1      | thread | 3    | 0       | 3        | from_one |
| 2      | thread | 2    | 1       | 2        | from_one |
+--------+--------+------+---------+----------+----------+"
    );
    let found = completeness(&session).await.unwrap();
    assert_eq!(
        (found.expected, found.seen, found.missing, found.ambiguous),
        (6, 5, 1, 0)
    );
}

#[tokio::test]
async fn a_thread_whose_messages_are_gone_is_not_split_and_nothing_of_it_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    store(
        folder.path(),
        vec![ledger_of_a(&[(1, 3, 6), (5, 5, 1)]), restarted()],
    );
    let session = session(folder.path());
    assert_eq!(
        number(
            &session,
            "select count(*) from gaps where certainty = 'ambiguous' and first_missing = 4"
        )
        .await,
        1
    );
    let found = completeness(&session).await.unwrap();
    assert_eq!(
        (found.expected, found.seen, found.missing, found.ambiguous),
        (4, 4, 0, 1)
    );
}

#[tokio::test]
async fn what_does_not_tell_is_no_cause() {
    let runs = [
        // One letter for two numbers; a letter beside a hole.
        ("a", 0, 1, 1, 0, 0, "from_one"),
        ("a", 0, 4, 4, 9, 9, "from_one"),
        ("b", 0, 1, 1, 10, 10, "from_one"),
        ("b", 0, 3, 3, 19, 19, "from_one"),
    ];
    let hole = [
        ("first_offset", ints(vec![12])),
        ("last_offset", ints(vec![13])),
        ("cause", texts(vec!["unexplained"])),
    ];
    let commits = vec![
        ledger(&runs),
        dead_letter("a", 0, 4),
        dead_letter("b", 0, 15),
        (Table::OffsetHoles, batch(Table::OffsetHoles, 1, &hole)),
    ];
    assert_eq!(
        gaps(commits).await,
        ["a 2-3 2 undetermined", "b 2-2 1 undetermined"]
    );
}

#[tokio::test]
async fn completeness_adds_up_over_threads() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [
        ("a", 0, 1, 5, 0, 4, "from_one"),
        ("a", 0, 8, 10, 5, 7, "from_one"),
        ("b", 0, 11, 20, 8, 17, "unknown"),
        ("c", 0, u64::MAX, u64::MAX, 18, 18, "from_one"),
        ("d", 0, u64::MAX, u64::MAX, 19, 19, "from_one"),
    ];
    store(folder.path(), vec![ledger(&runs), dead_letter("a", 0, 3)]);
    let found = completeness(&session(folder.path())).await.unwrap();
    assert_eq!((found.threads, found.dead_letters), (4, 1));
    assert_eq!(found.expected, 20 + 2 * u128::from(u64::MAX));
    assert_eq!(found.missing, 2 + 2 * u128::from(u64::MAX - 1));
    assert_eq!(found.seen, 20);
}

#[tokio::test]
async fn an_empty_store_answers_everything() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), vec![]);
    let session = session(folder.path());
    let found = completeness(&session).await.unwrap();
    assert_eq!((found.messages, found.expected, found.missing), (0, 0, 0));
    for table in Table::ALL
        .into_iter()
        .filter(|table| !matches!(table, Table::OffsetHoles | Table::SequenceBook))
    {
        assert_eq!(
            number(&session, &format!("select count(*) from {table}")).await,
            0
        );
    }
    for view in crate::views::VIEWS {
        // The time of an empty store is one null.
        let rows = i64::from(view.name == "store_time");
        assert_eq!(
            number(&session, &format!("select count(*) from {}", view.name)).await,
            rows,
            "{}",
            view.name
        );
        session
            .collect(&format!("select * from {}", view.name))
            .await
            .unwrap();
    }
    for table in crate::system::NAMES {
        session
            .collect(&format!("select * from system.{table}"))
            .await
            .unwrap();
    }
}

/// A filter that is pushed down must leave what one that cannot be does, whichever tables have no rows: plans differ then.
#[tokio::test]
async fn a_filter_by_thread_leaves_the_same_rows_whatever_the_store_lacks() {
    let some = |table: Table, columns: &[(&str, ArrayRef)]| {
        let mut all = vec![
            ("thread_id", texts(vec!["a", "a", "b"])),
            ("offset", ints(vec![0, 1, 2])),
            ("sequence", ints(vec![1, 2, 1])),
            ("time", times(vec![1_000_000, 2_000_000, 1_500_000])),
        ];
        all.extend(columns.iter().cloned());
        (table, batch(table, 3, &all))
    };
    let graph = some(
        Table::Events,
        &[
            ("event_type", texts(vec!["GRAPH_START", "LLM_END", "GRAPH_START"])),
            ("input_tokens", ints(vec![1, 2, 3])),
        ],
    );
    let chunks = some(
        Table::TokenChunks,
        &[
            ("request_id", texts(vec!["r", "r", "q"])),
            ("prompt_tokens", ints(vec![5, 5, 6])),
        ],
    );
    let tools = some(
        Table::ToolExecutions,
        &[
            ("call_id", texts(vec!["c", "c", "d"])),
            ("stage", texts(vec!["STARTED", "FAILED", "COMPLETED"])),
        ],
    );
    for commits in [
        vec![graph.clone()],
        vec![chunks.clone()],
        vec![tools.clone()],
        vec![graph, chunks, tools],
    ] {
        let tables: Vec<_> = commits.iter().map(|(table, _)| table.name()).collect();
        let folder = tempfile::tempdir().unwrap();
        store(folder.path(), commits.clone());
        for view in crate::views::VIEWS {
            let all = format!("select * from {} limit 0", view.name);
            let schema = session(folder.path()).sql(&all).await.unwrap().schema();
            if schema.field_with_name("thread_id").is_err() {
                continue;
            }
            for thread in ["a", "nobody"] {
                // Sessions of their own: what one keeps would answer the other.
                let count = async |condition: String| {
                    let sql = format!("select count(*) from {} where {condition}", view.name);
                    number(&session(folder.path()), &sql).await
                };
                assert_eq!(
                    count(format!("thread_id = '{thread}'")).await,
                    count(format!("reverse(reverse(thread_id)) = '{thread}'")).await,
                    "{} of {thread} over {tables:?}",
                    view.name
                );
            }
        }
    }
}

#[tokio::test]
async fn system_tables_tell_the_state_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    assert_eq!(
        number(
            &session,
            "select count(*) from system.segments where table_name = 'events'"
        )
        .await,
        4
    );
    assert_eq!(
        number(&session, "select sum(rows) from system.segments").await,
        12
    );
    assert_eq!(
        number(&session, "select max_offset from system.segments where id = 4").await,
        302
    );
    assert_eq!(number(&session, "select sum(rows) from system.commits").await, 12);
    assert_eq!(
        number(
            &session,
            "select count(*) from system.functions where name = 'uuid_text' and origin = 'quipu'"
        )
        .await,
        1
    );
    assert_eq!(
        number(
            &session,
            "select count(*) from system.functions where name = 'json_get' and origin = 'json'"
        )
        .await,
        1
    );
    assert_eq!(
        number(
            &session,
            "select count(*) from information_schema.tables where table_schema = 'system'"
        )
        .await,
        i64::try_from(crate::system::NAMES.len()).unwrap()
    );
}

/// Events of threads: thread, minute, type, node.
fn stories(events: &[(&str, i64, &str, &str)]) -> (Table, RecordBatch) {
    let ids: Vec<Vec<u8>> = (0..events.len()).map(|n| vec![n as u8 + 1; 16]).collect();
    let ids: ArrayRef = Arc::new(BinaryArray::from_vec(ids.iter().map(Vec::as_slice).collect()));
    let minutes: Vec<i64> = events.iter().map(|event| event.1 * 60_000_000).collect();
    let columns = [
        ("thread_id", texts(events.iter().map(|event| event.0).collect())),
        ("time", times(minutes.clone())),
        ("kafka_time", times(minutes)),
        ("event_type", texts(events.iter().map(|event| event.2).collect())),
        ("node_id", texts(events.iter().map(|event| event.3).collect())),
        ("message_id", ids),
    ];
    (Table::Events, batch(Table::Events, events.len(), &columns))
}

#[tokio::test]
async fn runs_end_fail_go_on_or_are_abandoned_and_may_lack_their_start() {
    let folder = tempfile::tempdir().unwrap();
    let events = stories(&[
        // Whole, with a late message after its end; then one whose start was lost; then one that goes on.
        ("a", 0, "GRAPH_START", ""),
        ("a", 1, "GRAPH_END", ""),
        ("a", 2, "NODE_THINKING", "plan"),
        ("a", 3, "NODE_START", "plan"),
        ("a", 4, "GRAPH_END", ""),
        ("a", 95, "GRAPH_START", ""),
        // An alert is no end, a failure is one, and an end right after it belongs to it.
        ("b", 0, "GRAPH_START", ""),
        ("b", 1, "GRAPH_ERROR", "quality_monitor"),
        ("b", 2, "GRAPH_ERROR", "plan"),
        ("b", 3, "GRAPH_END", ""),
        // A node failed and nothing came after.
        ("c", 0, "GRAPH_START", ""),
        ("c", 60, "NODE_ERROR", "plan"),
        // Quiet for less than half an hour.
        ("d", 71, "GRAPH_START", ""),
        // No run at all.
        ("e", 5, "NODE_THINKING", "plan"),
        ("", 5, "GRAPH_START", ""),
        ("f", 100, "NODE_THINKING", "plan"),
        // Quiet for longer.
        ("g", 1, "GRAPH_START", ""),
    ]);
    store(folder.path(), vec![events]);
    let session = session(folder.path());
    let sql =
        "select thread_id || run_number as run, status, headless, substr(uuid_text(run_id), 1, 2) as id,
                   messages, duration_us / 60000000 as minutes
               from runs order by thread_id, run_number";
    let expected = "\
+-----+-----------+----------+----+----------+---------+
| run | status    | headless | id | messages | minutes |
+-----+-----------+----------+----+----------+---------+
| a1  | completed | false    | 01 | 3        | 1       |
| a2  | completed | true     | 04 | 2        | 1       |
| a3  | running   | false    | 06 | 1        |         |
| b1  | failed    | false    | 07 | 4        | 3       |
| c1  | failed    | false    | 0b | 2        | 60      |
| d1  | running   | false    | 0d | 1        |         |
| g1  | abandoned | false    | 11 | 1        |         |
+-----+-----------+----------+----+----------+---------+";
    assert_eq!(text(&session, sql).await, expected);
    assert_eq!(number(&session, "select sum(runs) from sessions").await, 7);
    assert_eq!(number(&session, "select count(*) from sessions").await, 8);
}

#[tokio::test]
async fn a_question_about_the_runs_of_one_thread_reads_no_other() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let session = session(folder.path());
    ruin_all_but(&session, &[2]);
    for (view, rows) in [
        ("graph_events", 3),
        ("run_parts", 1),
        ("run_spans", 1),
        ("errors_all", 0),
    ] {
        // A column of the run, so that runs are cut.
        let sql = format!("select count(run_id) + count(*) from {view} where thread_id = 'b'");
        assert_eq!(number(&session, &sql).await, rows, "{view}");
    }
    for view in ["graph_events", "run_parts", "run_spans"] {
        let all = session.collect(&format!("select max(run_id) from {view}")).await;
        assert!(all.is_err(), "{view}");
    }
}

#[tokio::test]
async fn runs_are_the_same_whether_all_are_known_or_those_of_the_thread_alone() {
    let folder = tempfile::tempdir().unwrap();
    store(
        folder.path(),
        vec![stories(&[
            ("a", 0, "NODE_START", "plan"),
            ("a", 1, "GRAPH_END", ""),
            ("a", 2, "GRAPH_START", ""),
            ("b", 1, "GRAPH_START", ""),
            ("b", 2, "NODE_ERROR", "plan"),
        ])],
    );
    for view in ["graph_events", "run_parts", "run_spans"] {
        let sql =
            format!("select * from {view} where thread_id = 'a' order by run_number, 1, 2, 3, 4, 5, 6, 7, 8");
        let session = session(folder.path());
        let alone = text(&session, &sql).await;
        // Now all are kept.
        session.collect(&format!("select * from {view}")).await.unwrap();
        assert_eq!(text(&session, &sql).await, alone, "{view}");
    }
}

#[tokio::test]
async fn the_header_of_a_view_lists_its_columns_each_with_a_comment() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), vec![]);
    let session = session(folder.path());
    for view in crate::views::VIEWS {
        let answer = session
            .sql(&format!("select * from {}", view.name))
            .await
            .unwrap();
        let schema = answer.schema();
        let columns: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let header = crate::views::Header::parse(view.sql);
        let listed: Vec<&str> = header.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(listed, columns, "{}", view.name);
        for (name, comment) in &header.columns {
            assert!(!comment.is_empty(), "{}.{name} has no comment", view.name);
        }
    }
}

#[tokio::test]
async fn views_and_their_columns_are_explained_in_sql() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), vec![]);
    let session = session(folder.path());
    let views = i64::try_from(crate::views::VIEWS.len()).unwrap();
    assert_eq!(number(&session, "select count(*) from system.views").await, views);
    assert_eq!(
        number(
            &session,
            "select count(*) from system.view_columns where comment = '' or position < 1"
        )
        .await,
        0
    );
    assert_eq!(
        number(
            &session,
            "select count(*) from system.view_columns as commented
             full join information_schema.columns as planned
                 on planned.table_name = commented.view_name and planned.column_name = commented.column_name
             where planned.table_name in (select name from system.views) and commented.comment is null"
        )
        .await,
        0
    );
}
