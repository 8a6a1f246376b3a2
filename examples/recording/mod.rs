//! A small recording for the examples: two runs of an agent, one of which fails.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use quipu::Quipu;
use quipu::ingest::FramesFile;
use quipu::proto::frames::{Frame, write_frame};
use quipu::proto::framing::{self, Compression};
use quipu::proto::message::attribute_value::Value as Attribute;
use quipu::proto::message::dash_stream_message::Message;
use quipu::proto::message::{AttributeValue, DashStreamMessage, Event, Header, ToolExecution};

/// 2026-01-15T09:00:00Z.
const START_US: i64 = 1_768_467_600_000_000;

/// Numbers of event types and stages, as the schema has them.
mod number {
    pub(super) const GRAPH_START: i32 = 1;
    pub(super) const GRAPH_END: i32 = 2;
    pub(super) const GRAPH_ERROR: i32 = 3;
    pub(super) const NODE_START: i32 = 10;
    pub(super) const NODE_END: i32 = 11;
    pub(super) const STARTED: i32 = 2;
    pub(super) const COMPLETED: i32 = 3;
    pub(super) const FAILED: i32 = 4;
}

/// Makes a store in a folder that is not there yet, with the recording in it.
pub(crate) fn store(folder: &Path) -> Result<Quipu, Box<dyn Error>> {
    let path = folder.with_extension("frames");
    let mut file = File::create(&path)?;
    for (thread, fails) in [("session-1", false), ("session-2", true)] {
        for message in run(thread, fails) {
            let message = DashStreamMessage {
                message: Some(message),
            };
            let payload = framing::encode(&message, Compression::default());
            let frame = Frame {
                partition: 0,
                key: thread.as_bytes(),
                payload: &payload,
            };
            write_frame(&mut file, &frame)?;
        }
    }
    let quipu = Quipu::create(folder)?;
    quipu.ingest(&[FramesFile::new(path)])?;
    Ok(quipu)
}

/// The messages of a run, a tenth of a second apart.
fn run(thread: &str, fails: bool) -> Vec<Message> {
    let event = |sequence, event_type, node_id: &str, duration_us| {
        let graph_name = AttributeValue {
            value: Some(Attribute::StringValue("researcher".to_owned())),
        };
        Message::Event(Event {
            header: Some(header(thread, sequence)),
            event_type,
            node_id: node_id.to_owned(),
            duration_us,
            attributes: [("graph_name".to_owned(), graph_name)].into(),
            ..Event::default()
        })
    };
    let tool = |sequence, stage, duration_us| {
        Message::ToolExecution(ToolExecution {
            header: Some(header(thread, sequence)),
            call_id: format!("{thread}-call"),
            tool_name: "web_search".to_owned(),
            stage,
            duration_us,
            ..ToolExecution::default()
        })
    };
    let (outcome, end) = if fails {
        (number::FAILED, number::GRAPH_ERROR)
    } else {
        (number::COMPLETED, number::GRAPH_END)
    };
    vec![
        event(1, number::GRAPH_START, "", 0),
        event(2, number::NODE_START, "search", 0),
        tool(3, number::STARTED, 0),
        tool(4, outcome, 250_000),
        event(5, number::NODE_END, "search", 400_000),
        event(6, end, "", 600_000),
    ]
}

fn header(thread: &str, sequence: u32) -> Header {
    Header {
        message_id: format!("{thread}/{sequence:06}").into_bytes(),
        timestamp_us: START_US + i64::from(sequence) * 100_000,
        tenant_id: "acme".to_owned(),
        thread_id: thread.to_owned(),
        sequence: u64::from(sequence),
        schema_version: 1,
        ..Header::default()
    }
}
