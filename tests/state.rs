//! States of agents: replayed over the fixture, with messages lost and in another order, and over hand-written threads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use quipu::arrow::array::{Array, AsArray, RecordBatch};
use quipu::arrow::compute::cast;
use quipu::arrow::datatypes::DataType;
use quipu::arrow::util::pretty::pretty_format_batches;
use quipu::ingest::FramesFile;
use quipu::proto::frames::{Frame, FramesReader, write_frame};
use quipu::proto::framing::{self, Compression};
use quipu::proto::message::attribute_value::Value as Attribute;
use quipu::proto::message::dash_stream_message::Message;
use quipu::proto::message::diff_operation::OpType;
use quipu::proto::message::{
    AttributeValue, Checkpoint, DashStreamMessage, DiffOperation, Event, Header, StateDiff, ToolExecution,
};
use quipu::proto::state::{Operation, diff, hash, parse};
use quipu::proto::{Decoder, Message as Decoded, Policy};
use quipu::{At, Quipu, StateStatus};
use quipu_tests::dice::Dice;
use tempfile::TempDir;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/small.frames")
}

/// A store that has taken in a recording of these frames.
fn store<'a>(frames: impl IntoIterator<Item = Frame<'a>>) -> (TempDir, Quipu) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorded.frames");
    let mut file = File::create(&path).unwrap();
    for frame in frames {
        write_frame(&mut file, &frame).unwrap();
    }
    let quipu = Quipu::create(folder.path().join("store")).unwrap();
    quipu.ingest(&[FramesFile::new(path)]).unwrap();
    (folder, quipu)
}

async fn ask(quipu: &Quipu, sql: &str) -> Vec<RecordBatch> {
    quipu.sql(sql).await.unwrap().collect().await.unwrap()
}

/// All rows as texts, a null as none.
async fn rows(quipu: &Quipu, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for batch in ask(quipu, sql).await {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let texts = columns.iter().map(|column| column.as_string::<i32>());
            rows.push(
                texts
                    .map(|texts| texts.is_valid(row).then(|| texts.value(row).to_owned()))
                    .collect(),
            );
        }
    }
    rows
}

async fn shown(quipu: &Quipu, sql: &str) -> String {
    pretty_format_batches(&ask(quipu, sql).await).unwrap().to_string()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Threads of a store that have a state.
async fn threads(quipu: &Quipu) -> Vec<(String, String)> {
    let sql = "select distinct tenant_id, thread_id from state_diffs order by 1, 2";
    let text = |text: &Option<String>| text.clone().unwrap();
    rows(quipu, sql)
        .await
        .iter()
        .map(|row| (text(&row[0]), text(&row[1])))
        .collect()
}

/// One step of a history.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    kind: String,
    sequence: u64,
    offset: i64,
    state: Option<String>,
    status: String,
    note: Option<String>,
}

async fn history(quipu: &Quipu, tenant: &str, thread: &str) -> Vec<Step> {
    let sql = format!(
        "select kind, sequence, \"offset\", state, status, note from state_history({}, {}) order by step",
        quoted(tenant),
        quoted(thread)
    );
    let step = |row: &Vec<Option<String>>| Step {
        kind: row[0].clone().unwrap(),
        sequence: row[1].as_ref().unwrap().parse().unwrap(),
        offset: row[2].as_ref().unwrap().parse().unwrap(),
        state: row[3].clone(),
        status: row[4].clone().unwrap(),
        note: row[5].clone(),
    };
    rows(quipu, &sql).await.iter().map(step).collect()
}

type Truth = BTreeMap<(String, String), Vec<Step>>;

async fn truth(quipu: &Quipu) -> Truth {
    let mut truth = Truth::new();
    for (tenant, thread) in threads(quipu).await {
        let steps = history(quipu, &tenant, &thread).await;
        truth.insert((tenant, thread), steps);
    }
    truth
}

#[tokio::test]
async fn every_hash_of_the_fixture_verifies_and_state_at_gives_each_step() {
    let bytes = std::fs::read(fixture()).unwrap();
    let (_folder, quipu) = store(FramesReader::new(&bytes).map(Result::unwrap));
    let (mut diffs, mut steps) = (0, 0);
    for ((tenant, thread), history) in truth(&quipu).await {
        for step in &history {
            steps += 1;
            if matches!(step.kind.as_str(), "diff" | "full" | "unchanged") {
                diffs += 1;
                assert_eq!(step.status, "verified", "{thread}: {step:?}");
            }
            assert_ne!(step.status, "broken", "{thread}: {step:?}");
            let found = quipu
                .state_at(&tenant, &thread, At::Offset(step.offset))
                .await
                .unwrap();
            assert_eq!(found.len(), 1);
            // The events of one record share its offset: the last step of the record is the one.
            let last = history.iter().rfind(|other| other.offset == step.offset).unwrap();
            assert_eq!(
                (&found[0].state, found[0].status.as_str(), &found[0].note),
                (&last.state, last.status.as_str(), &last.note)
            );
            // At the time of a step as at its offset.
            if steps % 7 == 0 {
                let time = At::Time(found[0].time_us.unwrap());
                let at_time = quipu.state_at(&tenant, &thread, time).await.unwrap();
                assert_eq!(at_time, found);
            }
        }
        let newest = quipu.state_at(&tenant, &thread, At::Newest).await.unwrap();
        assert_eq!(newest[0].state, history.last().unwrap().state);
        let before = quipu.state_at(&tenant, &thread, At::Offset(-1)).await.unwrap();
        assert_eq!(before, []);
    }
    // As many as the fixture's summary says.
    assert_eq!(diffs, 222);
    assert!(steps > diffs + 20, "{steps}");
}

/// Checks that no state is shown as verified which is not that of the truth; gives how many steps of each status.
async fn compare(quipu: &Quipu, truth: &Truth) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (tenant, thread) in threads(quipu).await {
        let known: BTreeMap<u64, &Step> = truth[&(tenant.clone(), thread.clone())]
            .iter()
            .map(|step| (step.sequence, step))
            .collect();
        for step in history(quipu, &tenant, &thread).await {
            *counts.entry(step.status.clone()).or_default() += 1;
            match step.status.as_str() {
                "verified" => assert_eq!(step.state, known[&step.sequence].state, "{thread}: {step:?}"),
                _ => assert!(step.note.is_some(), "{thread}: {step:?}"),
            }
            if step.status == "broken" {
                assert_eq!(step.state, None);
            }
        }
    }
    counts
}

#[tokio::test]
async fn after_a_lost_diff_states_are_unverified_until_a_hash_or_a_base_proves_them() {
    let bytes = std::fs::read(fixture()).unwrap();
    let frames: Vec<Frame<'_>> = FramesReader::new(&bytes).map(Result::unwrap).collect();
    let (_folder, quipu) = store(frames.iter().copied());
    let truth = truth(&quipu).await;
    // The first diff of each thread that tells of operations, and after which the next step does too.
    let mut lost = BTreeMap::new();
    for ((_, thread), steps) in &truth {
        let pair = steps
            .windows(2)
            .find(|pair| pair.iter().all(|step| step.kind == "diff"));
        if let Some([first, next]) = pair {
            lost.insert(thread.clone(), (first.sequence, next.sequence));
        }
    }
    assert!(lost.len() > 10, "{lost:?}");
    let is_lost = |frame: &Frame<'_>| {
        let mut decoder = Decoder::new(Policy::Compatible);
        let decoded = decoder.decode(Some(frame.payload)).unwrap();
        let Decoded::StateDiff(diff) = &decoded.message else {
            return false;
        };
        let header = diff.header.as_ref().unwrap();
        lost.get(header.thread_id)
            .is_some_and(|lost| lost.0 == header.sequence)
    };
    let (_folder, lossy) = store(frames.iter().copied().filter(|frame| !is_lost(frame)));
    let counts = compare(&lossy, &truth).await;
    assert!(
        counts["unverified"] > lost.len() && counts["verified"] > lost.len(),
        "{counts:?}"
    );
    for (tenant, thread) in threads(&lossy).await {
        let Some((lost, next)) = lost.get(&thread) else {
            continue;
        };
        let steps = history(&lossy, &tenant, &thread).await;
        assert!(steps.iter().all(|step| step.sequence != *lost));
        let step = steps.iter().find(|step| step.sequence == *next).unwrap();
        assert_ne!(step.status, "verified", "{thread}: {step:?}");
        let missing = format!("number {lost} is missing: a diff may be lost");
        assert!(
            step.note.as_ref().unwrap().contains(&missing),
            "{thread}: {step:?}"
        );
    }
}

#[tokio::test]
async fn whatever_is_lost_or_late_no_wrong_state_is_shown_as_verified() {
    let bytes = std::fs::read(fixture()).unwrap();
    let frames: Vec<Frame<'_>> = FramesReader::new(&bytes).map(Result::unwrap).collect();
    let (_folder, quipu) = store(frames.iter().copied());
    let truth = truth(&quipu).await;
    for seed in 0..6 {
        let mut dice = Dice::new(seed);
        let mut arrived: Vec<Frame<'_>> = frames.iter().copied().filter(|_| !dice.once_in(20)).collect();
        for at in 0..arrived.len() {
            if dice.once_in(10) {
                let other = (at + dice.within(0..40) as usize).min(arrived.len() - 1);
                arrived.swap(at, other);
            }
        }
        // Some come twice.
        let again: Vec<Frame<'_>> = arrived.iter().copied().filter(|_| dice.once_in(50)).collect();
        arrived.extend(again);
        let (_folder, lossy) = store(arrived);
        let counts = compare(&lossy, &truth).await;
        assert!(
            counts["verified"] > 50 && counts["unverified"] > 20,
            "{seed}: {counts:?}"
        );
    }
}

/// A thread that is written by hand.
struct Script {
    thread: &'static str,
    sequence: u64,
    time_us: i64,
    id: u8,
    frames: Vec<(String, Vec<u8>)>,
}

impl Script {
    fn new(thread: &'static str) -> Self {
        Self {
            thread,
            sequence: 0,
            time_us: 1_768_467_600_000_000,
            id: 0,
            frames: Vec::new(),
        }
    }

    fn header(&mut self) -> Header {
        self.sequence += 1;
        self.time_us += 1_000;
        self.id += 1;
        let mut message_id = vec![self.id; 16];
        message_id[0] = self.thread.as_bytes()[0];
        Header {
            message_id,
            timestamp_us: self.time_us,
            tenant_id: "default".to_owned(),
            thread_id: self.thread.to_owned(),
            sequence: self.sequence,
            schema_version: 1,
            ..Header::default()
        }
    }

    fn send(&mut self, message: Message) -> &mut Self {
        let message = DashStreamMessage {
            message: Some(message),
        };
        let payload = framing::encode(&message, Compression::default());
        self.frames.push((self.thread.to_owned(), payload));
        self
    }

    fn event(&mut self, event_type: i32, node: &str, attributes: &[(&str, Attribute)]) -> &mut Self {
        let attributes = attributes.iter().map(|(name, value)| {
            let value = AttributeValue {
                value: Some(value.clone()),
            };
            ((*name).to_owned(), value)
        });
        let event = Event {
            header: Some(self.header()),
            event_type,
            node_id: node.to_owned(),
            attributes: attributes.collect(),
            ..Event::default()
        };
        self.send(Message::Event(event))
    }

    fn start(&mut self, state: &str) -> &mut Self {
        self.event(
            1,
            "",
            &[("initial_state_json", Attribute::StringValue(state.to_owned()))],
        )
    }

    fn diff(&mut self, old: &str, new: &str, with_hash: bool) -> &mut Self {
        let (old, new) = (parse(old).unwrap(), parse(new).unwrap());
        let operations = diff(&old, &new).iter().map(operation).collect();
        let diff = StateDiff {
            header: Some(self.header()),
            operations,
            state_hash: if with_hash {
                hash(&new).to_vec()
            } else {
                Vec::new()
            },
            ..StateDiff::default()
        };
        self.send(Message::StateDiff(diff))
    }

    fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().map(|(key, payload)| Frame {
            partition: 0,
            key: key.as_bytes(),
            payload,
        })
    }
}

fn operation(operation: &Operation) -> DiffOperation {
    let (op, value) = match operation {
        Operation::Add { value, .. } => (OpType::Add, value.to_string().into_bytes()),
        Operation::Replace { value, .. } => (OpType::Replace, value.to_string().into_bytes()),
        _ => (OpType::Remove, Vec::new()),
    };
    DiffOperation {
        op: op.into(),
        path: operation.path().to_string(),
        value,
        ..DiffOperation::default()
    }
}

const NODE_START: i32 = 10;
const NODE_END: i32 = 11;

#[tokio::test]
async fn blame_names_the_step_and_the_node_that_changed_a_value() {
    let mut script = Script::new("chat");
    script
        .start(r#"{"n":0,"m":"x"}"#)
        .event(NODE_START, "plan", &[])
        .diff(r#"{"n":0,"m":"x"}"#, r#"{"n":1,"m":"x"}"#, true)
        .event(NODE_END, "plan", &[])
        .event(NODE_START, "answer", &[])
        .diff(r#"{"n":1,"m":"x"}"#, r#"{"n":1,"m":"y"}"#, true)
        .event(NODE_END, "answer", &[])
        .diff(r#"{"n":1,"m":"y"}"#, r#"{"m":"y"}"#, false);
    // A number is lost, then a checkpoint whose checksum is wrong, then a state that is set whole.
    script.header();
    let checkpoint = Checkpoint {
        header: Some(script.header()),
        state: br#"{"n":9}"#.to_vec(),
        checksum: vec![7; 32],
        ..Checkpoint::default()
    };
    script.send(Message::Checkpoint(checkpoint));
    let full = StateDiff {
        header: Some(script.header()),
        full_state: br#"{"n":3,"m":"y"}"#.to_vec(),
        state_hash: hash(&parse(r#"{"n":3,"m":"y"}"#).unwrap()).to_vec(),
        ..StateDiff::default()
    };
    script.send(Message::StateDiff(full));
    let (_folder, quipu) = store(script.frames());
    let text = |text: &str| Some(text.to_owned());
    let steps: Vec<_> = history(&quipu, "default", "chat").await;
    let told: Vec<_> = steps
        .iter()
        .map(|step| {
            let state = step.state.as_deref().unwrap_or("none");
            (
                step.kind.as_str(),
                step.sequence,
                state,
                step.status.as_str(),
                step.note.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "initial",
                1,
                r#"{"m":"x","n":0}"#,
                "unverified",
                Some("a run starts without a hash of its state")
            ),
            ("diff", 3, r#"{"m":"x","n":1}"#, "verified", None),
            ("diff", 6, r#"{"m":"y","n":1}"#, "verified", None),
            ("diff", 8, r#"{"m":"y"}"#, "unverified", Some("no hash was sent")),
            (
                "checkpoint",
                10,
                "none",
                "broken",
                Some("the checksum is not that of the state")
            ),
            ("full", 11, r#"{"m":"y","n":3}"#, "verified", None),
        ]
    );
    let columns =
        "select node_id, operations from state_history('default', 'chat') where kind = 'diff' order by step";
    assert_eq!(
        rows(&quipu, columns).await,
        [
            [text("plan"), text(r#"[{"op":"replace","path":"/n","value":1}]"#)],
            [
                text("answer"),
                text(r#"[{"op":"replace","path":"/m","value":"y"}]"#)
            ],
            [None, text(r#"[{"op":"remove","path":"/n"}]"#)],
        ]
    );
    let blame = |pointer: &str| {
        format!(
            "select step, node_id, old_value, new_value, status, note from state_blame('default', 'chat', '{pointer}') \
             order by step"
        )
    };
    assert_eq!(
        rows(&quipu, &blame("/n")).await,
        [
            vec![
                text("1"),
                None,
                None,
                text("0"),
                text("unverified"),
                text("a run starts without a hash of its state")
            ],
            vec![
                text("2"),
                text("plan"),
                text("0"),
                text("1"),
                text("verified"),
                None
            ],
            vec![
                text("4"),
                None,
                text("1"),
                None,
                text("unverified"),
                text("no hash was sent")
            ],
            vec![
                text("6"),
                None,
                None,
                text("3"),
                text("verified"),
                text("it may have changed at any step after 3")
            ],
        ]
    );
    assert_eq!(rows(&quipu, &blame("/m")).await.len(), 2);
    assert_eq!(
        rows(&quipu, &blame("/none")).await,
        Vec::<Vec<Option<String>>>::new()
    );
}

#[tokio::test]
async fn a_process_that_starts_its_counter_again_is_replayed_by_time() {
    let (a, b, c) = (r#"{"v":"a"}"#, r#"{"v":"b"}"#, r#"{"v":"c"}"#);
    let mut script = Script::new("again");
    script.start(a).diff(a, b, true).diff(b, c, true);
    script.sequence = 0;
    script.start(b).diff(b, a, true).diff(a, c, true);
    let (_folder, quipu) = store(script.frames());
    let steps = history(&quipu, "default", "again").await;
    let states: Vec<_> = steps.iter().map(|step| step.state.as_deref().unwrap()).collect();
    assert_eq!(states, [a, b, c, b, a, c]);
    let verified = steps.iter().filter(|step| step.status == "verified").count();
    assert_eq!(verified, 4);
}

#[tokio::test]
async fn a_thread_in_two_topics_is_replayed_in_each() {
    let (a, b) = (r#"{"v":1}"#, r#"{"v":2}"#);
    let mut first = Script::new("twice");
    first.start(a).diff(a, b, true);
    let (folder, quipu) = store(first.frames());
    let mut second = Script::new("twice");
    second.start(b).diff(b, a, true);
    let path = folder.path().join("other.frames");
    let mut file = File::create(&path).unwrap();
    for frame in second.frames() {
        write_frame(&mut file, &frame).unwrap();
    }
    quipu.ingest(&[FramesFile::new(path)]).unwrap();
    let states = quipu.state_at("default", "twice", At::Newest).await.unwrap();
    let told: Vec<_> = states
        .iter()
        .map(|state| {
            (
                state.topic.as_str(),
                state.state.as_deref().unwrap(),
                state.status,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("other", a, StateStatus::Verified),
            ("recorded", b, StateStatus::Verified)
        ]
    );
    let error = quipu
        .sql("select * from trace_diff('default', 'twice', 'default', 'twice')")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("lies in more than one log"), "{error}");
}

#[tokio::test]
async fn two_runs_are_compared_step_by_step() {
    let tool = |script: &mut Script, stage: i32, error: &str| {
        let tool = ToolExecution {
            header: Some(script.header()),
            call_id: "call".to_owned(),
            tool_name: "search".to_owned(),
            stage,
            error: error.to_owned(),
            duration_us: 7,
            ..ToolExecution::default()
        };
        script.send(Message::ToolExecution(tool));
    };
    let mut script = Script::new("runs");
    script.start("{}").event(NODE_START, "plan", &[]);
    tool(&mut script, 3, "");
    script.event(NODE_END, "plan", &[]).event(2, "", &[]);
    script.start("{}").event(NODE_START, "plan", &[]);
    tool(&mut script, 4, "no such page");
    tool(&mut script, 3, "");
    script
        .event(NODE_END, "plan", &[])
        .event(
            30,
            "plan",
            &[("model", Attribute::StringValue("small".to_owned()))],
        )
        .event(2, "", &[]);
    let (_folder, quipu) = store(script.frames());
    let runs = rows(&quipu, "select uuid_text(run_id) from runs order by started").await;
    let [first, second] = [0, 1].map(|run: usize| runs[run][0].clone().unwrap());
    let diff = |a: &str, b: &str| {
        format!(
            "select position, side, step, a_sequence, b_sequence, a_elapsed_us, b_elapsed_us, a_duration_us, \
             b_duration_us, differs, first_divergence from trace_diff('{a}', '{b}') order by position"
        )
    };
    assert_eq!(
        shown(&quipu, &diff(&first, &second)).await,
        "\
+----------+------+-----------------------+------------+------------+--------------+--------------+---------------+---------------+---------+------------------+
| position | side | step                  | a_sequence | b_sequence | a_elapsed_us | b_elapsed_us | a_duration_us | b_duration_us | differs | first_divergence |
+----------+------+-----------------------+------------+------------+--------------+--------------+---------------+---------------+---------+------------------+
| 1        | both | GRAPH_START           | 1          | 6          | 0            | 0            |               |               |         | false            |
| 2        | both | NODE_START plan       | 2          | 7          | 1000         | 1000         |               |               |         | false            |
| 3        | b    | TOOL_FAILED search    |            | 8          |              | 2000         |               | 7             |         | true             |
| 4        | both | TOOL_COMPLETED search | 3          | 9          | 2000         | 3000         | 7             | 7             |         | false            |
| 5        | both | NODE_END plan         | 4          | 10         | 3000         | 4000         |               |               |         | false            |
| 6        | b    | LLM_START plan        |            | 11         |              | 5000         |               |               |         | false            |
| 7        | both | GRAPH_END             | 5          | 12         | 4000         | 6000         |               |               |         | false            |
+----------+------+-----------------------+------------+------------+--------------+--------------+---------------+---------------+---------+------------------+"
    );
    // With itself, nothing differs.
    let same = rows(
        &quipu,
        &format!("select count(*), count(*) filter (where side = 'both' and differs is null) from trace_diff('{second}', '{second}')"),
    )
    .await;
    assert_eq!(same[0][0], same[0][1]);
    assert_eq!(same[0][0].as_deref(), Some("7"));
    let error = quipu
        .sql(&diff(&first, "0a0b0c0d-0000-0000-0000-000000000000"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("there is no run 0a0b0c0d"), "{error}");
}
