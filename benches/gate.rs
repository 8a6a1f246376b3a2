//! A gate over 100,000 runs in a store: opened, measured, compared with a baseline that keeps as many values, and judged,
//! with the completeness that the outcome states. A handle is opened anew each time; the files stay in the page cache.

#![allow(clippy::print_stdout, reason = "a program that measures")]

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use quipu::Quipu;
use quipu::evals::judge::{GateFailOn, MetricFile, Rules};
use quipu::gate::{BaselineSide, Gate};
use quipu::ingest::FramesFile;
use quipu::proto::frames::{Frame, write_frame};
use quipu::proto::framing::{self, Compression};
use quipu::proto::message::dash_stream_message::Message;
use quipu::proto::message::{
    AttributeValue, DashStreamMessage, Event, Header, TokenChunk, ToolExecution, attribute_value::Value,
};
use quipu::sql::reports::Filter;

const RUNS: u64 = 100_000;
const RUNS_OF_A_THREAD: u64 = 10;
const REPEATS: usize = 5;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("runs.frames");
    let messages = write(&file)?;
    let store = folder.path().join("store");
    Quipu::create(&store)?.ingest(&[FramesFile::new(&file)])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let everything = Filter::default();
    let baseline = runtime.block_on(async {
        let gate = Gate::open(&Quipu::open(&store)?, metrics()?).await?;
        let measured = gate.measure(&everything).await?;
        Ok::<_, Failure>(BaselineSide::from(&measured))
    })?;
    let mut seconds = Vec::new();
    for _ in 0..REPEATS {
        let began = Instant::now();
        let line = runtime.block_on(async {
            let quipu = Quipu::open(&store)?;
            let gate = Gate::open(&quipu, metrics()?).await?;
            let (measured, found) = tokio::join!(gate.measure(&everything), quipu.completeness());
            let measured = measured?;
            let measuring = began.elapsed();
            let judgement = gate.judge(&baseline, &measured, &Rules::default()).await?;
            let outcome = judgement.outcome("gate", GateFailOn::Warning);
            Ok::<_, Failure>(format!(
                "{:.2} to measure; {}; {}",
                measuring.as_secs_f64(),
                outcome.verdict_line(),
                found?
            ))
        })?;
        seconds.push(began.elapsed().as_secs_f64());
        println!("{:.2} s, {line}", began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!(
        "{RUNS} runs, {messages} messages: median {:.2} s of {REPEATS}",
        seconds[REPEATS / 2]
    );
    Ok(())
}

fn metrics() -> Result<Vec<MetricFile>, Failure> {
    let files = MetricFile::built_in()?;
    Ok(files.into_iter().filter(|file| file.is_default).collect())
}

/// Writes the runs: a graph with a node, a request with two chunks, and a call of a tool.
fn write(path: &Path) -> Result<u64, Failure> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut messages = 0;
    for run in 0..RUNS {
        let thread = format!("thread-{}", run / RUNS_OF_A_THREAD);
        let place = run % RUNS_OF_A_THREAD;
        // A cheap mixing of the number: durations that vary by a third.
        let noise = (run.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % 1000;
        let took = 800_000 + 400 * i64::try_from(noise)?;
        let parts = parts(run, took);
        let count = parts.len() as u64;
        for (at, mut message) in parts.into_iter().enumerate() {
            let sequence = place * count + at as u64 + 1;
            let begins = 1_767_225_600_000_000 + i64::try_from(run)? * 10_000_000;
            let header = Header {
                message_id: (u128::from(run) << 64 | u128::from(sequence))
                    .to_be_bytes()
                    .to_vec(),
                thread_id: thread.clone(),
                tenant_id: "tenant".to_owned(),
                sequence,
                timestamp_us: begins + took * i64::try_from(at)? / i64::try_from(count - 1)?,
                schema_version: 1,
                ..Header::default()
            };
            match &mut message {
                Message::Event(event) => event.header = Some(header),
                Message::TokenChunk(chunk) => chunk.header = Some(header),
                Message::ToolExecution(tool) => tool.header = Some(header),
                _ => {}
            }
            let payload = framing::encode(
                &DashStreamMessage {
                    message: Some(message),
                },
                Compression::default(),
            );
            write_frame(
                &mut file,
                &Frame {
                    partition: u32::try_from(run / RUNS_OF_A_THREAD % 4)?,
                    key: thread.as_bytes(),
                    payload: &payload,
                },
            )?;
            messages += 1;
        }
    }
    Ok(messages)
}

fn parts(run: u64, took: i64) -> Vec<Message> {
    let request = format!("request-{run}");
    let event = |event_type: i32, node: &str, duration_us: i64, attributes: &[(&str, Value)]| {
        let attributes = attributes.iter().map(|(name, value)| {
            let value = AttributeValue {
                value: Some(value.clone()),
            };
            ((*name).to_owned(), value)
        });
        Message::Event(Event {
            event_type,
            node_id: node.to_owned(),
            duration_us,
            llm_request_id: if (30..=33).contains(&event_type) {
                request.clone()
            } else {
                String::new()
            },
            attributes: attributes.collect(),
            ..Event::default()
        })
    };
    let text = |text: &str| Value::StringValue(text.to_owned());
    let chunk = |index: u32, is_final: bool| {
        Message::TokenChunk(TokenChunk {
            request_id: request.clone(),
            text: "some words".to_owned(),
            chunk_index: index,
            is_final,
            model: "gpt-4o".to_owned(),
            ..TokenChunk::default()
        })
    };
    let tool = |stage: i32| {
        Message::ToolExecution(ToolExecution {
            call_id: format!("call-{run}"),
            tool_name: "search".to_owned(),
            stage,
            duration_us: took / 10,
            ..ToolExecution::default()
        })
    };
    let failed = run.is_multiple_of(50);
    vec![
        event(1, "", 0, &[("graph_name", text("planner"))]),
        event(10, "plan", 0, &[]),
        event(30, "plan", 0, &[("model", text("gpt-4o"))]),
        chunk(0, false),
        chunk(1, true),
        event(
            31,
            "plan",
            took / 2,
            &[
                ("model", text("gpt-4o")),
                ("input_tokens", Value::IntValue(1000 + took % 97)),
                ("output_tokens", Value::IntValue(100 + took % 31)),
            ],
        ),
        tool(1),
        tool(3),
        event(11, "plan", took * 9 / 10, &[]),
        event(if failed { 3 } else { 2 }, "", took, &[]),
    ]
}
