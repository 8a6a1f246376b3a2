//! The state of an agent, step by step: recorded, one message lost, and asked for.
//!
//! `cargo run --release --example state_replay -p quipu`

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use quipu::arrow::array::AsArray;
use quipu::arrow::compute::cast;
use quipu::arrow::datatypes::DataType;
use quipu::ingest::FramesFile;
use quipu::proto::frames::{Frame, write_frame};
use quipu::proto::framing::{self, Compression};
use quipu::proto::message::attribute_value::Value as Attribute;
use quipu::proto::message::dash_stream_message::Message;
use quipu::proto::message::diff_operation::OpType;
use quipu::proto::message::{AttributeValue, DashStreamMessage, DiffOperation, Event, Header, StateDiff};
use quipu::proto::state::{Change, Operation, change, hash, parse};
use quipu::{At, Quipu, StateStatus};

const THREAD: &str = "session-1";

/// A second between two messages, from the first on.
const START_US: i64 = 1_768_467_600_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (whole, lossy) = (folder.path().join("whole"), folder.path().join("lossy"));
    let mut out = std::io::stdout();

    writeln!(out, "Everything arrived:")?;
    let quipu = record(&whole, None)?;
    let statuses = history(&quipu, &mut out).await?;
    // Nothing proves the state that a run starts with; everything after it is proven.
    assert_eq!(statuses, ["unverified", "verified", "verified", "verified"]);

    writeln!(out, "\nThe second diff was lost:")?;
    let quipu = record(&lossy, Some(3))?;
    history(&quipu, &mut out).await?;

    // The same from Rust: the state three seconds after the start, with its proof or without.
    for state in quipu
        .state_at("default", THREAD, At::Time(START_US + 3_000_000))
        .await?
    {
        assert_eq!(state.status, StateStatus::Unverified);
        writeln!(
            out,
            "\nat 3 s: {} {:?}, {:?}",
            state.status, state.state, state.note
        )?;
    }
    Ok(())
}

/// Records a run whose state takes four values, but for the message of that number, and takes it in.
fn record(folder: &Path, lost: Option<u64>) -> Result<Quipu, Box<dyn Error>> {
    let filler = "a question that is long enough to be told in differences";
    let states = [
        format!(r#"{{"question":"{filler}","steps":0}}"#),
        format!(r#"{{"question":"{filler}","steps":1}}"#),
        format!(r#"{{"question":"{filler}","steps":1,"sources":["kafka"]}}"#),
        format!(r#"{{"question":"{filler}","steps":2,"sources":["kafka"]}}"#),
    ];
    let start = Event {
        header: Some(header(1)),
        event_type: 1,
        attributes: [("initial_state_json".to_owned(), attribute(&states[0]))].into(),
        ..Event::default()
    };
    let mut messages = vec![Message::Event(start)];
    for pair in states.windows(2) {
        let (old, new) = (parse(&pair[0])?, parse(&pair[1])?);
        let mut diff = StateDiff {
            header: Some(header(messages.len() as u64 + 1)),
            state_hash: hash(&new).to_vec(),
            ..StateDiff::default()
        };
        match change(&old, &new) {
            Change::Unchanged => {}
            Change::Operations(operations) => diff.operations = operations.iter().map(operation).collect(),
            Change::Full(state) => diff.full_state = state.into_bytes(),
        }
        messages.push(Message::StateDiff(diff));
    }

    let path = folder.with_extension("frames");
    let mut file = File::create(&path)?;
    for (number, message) in (1..).zip(messages) {
        if Some(number) == lost {
            continue;
        }
        let message = DashStreamMessage {
            message: Some(message),
        };
        let payload = framing::encode(&message, Compression::default());
        let frame = Frame {
            partition: 0,
            key: THREAD.as_bytes(),
            payload: &payload,
        };
        write_frame(&mut file, &frame)?;
    }
    let quipu = Quipu::create(folder)?;
    quipu.ingest(&[FramesFile::new(path)])?;
    Ok(quipu)
}

fn header(sequence: u64) -> Header {
    Header {
        message_id: u128::from(sequence).to_be_bytes().to_vec(),
        timestamp_us: START_US + (sequence as i64 - 1) * 1_000_000,
        tenant_id: "default".to_owned(),
        thread_id: THREAD.to_owned(),
        sequence,
        schema_version: 1,
        ..Header::default()
    }
}

fn attribute(text: &str) -> AttributeValue {
    AttributeValue {
        value: Some(Attribute::StringValue(text.to_owned())),
    }
}

/// An operation as it is sent. A producer makes additions, removals and replacements only.
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

/// Prints the steps of the thread; gives their status.
async fn history(quipu: &Quipu, out: &mut impl Write) -> Result<Vec<String>, Box<dyn Error>> {
    let sql = format!(
        "select concat_ws(' ', cast(step as varchar), kind, status, state, note), status
         from state_history('default', '{THREAD}') order by step"
    );
    let mut statuses = Vec::new();
    for batch in quipu.sql(&sql).await?.collect().await? {
        let texts = [0, 1].map(|column| cast(batch.column(column), &DataType::Utf8));
        let [lines, status] = texts;
        let (lines, status) = (lines?, status?);
        let (lines, status) = (lines.as_string::<i32>(), status.as_string::<i32>());
        for row in 0..batch.num_rows() {
            writeln!(out, "{}", lines.value(row))?;
            statuses.push(status.value(row).to_owned());
        }
    }
    Ok(statuses)
}
