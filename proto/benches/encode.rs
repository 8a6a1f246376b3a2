//! What messages cost on their way to Kafka, in time and in bytes.
//!
//! All ways of encoding are measured in turn on the same ten thousand messages, again and again on new ones, so that what
//! else the machine does falls on all of them and their ratios hold. The number of messages is the first argument that is
//! one; the default is 1,000,000:
//!
//! ```text
//! cargo bench -p quipu-proto --bench encode -- 200000
//! ```
//!
//! A frames file as argument is measured in bytes besides. `write=FILE` writes the mix, not compressed, to a frames file, for
//! sending it to a broker.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::cast_precision_loss, reason = "counts become ratios for people")]
#![allow(missing_docs)]

mod mix;

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mix::Mix;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MapKey, MessageDescriptor, Value};
use quipu_proto::frames::{Frame, FramesReader, write_frame};
use quipu_proto::framing::{Compression, Encoder, unframe};
use quipu_proto::json_form::JsonForm;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{DashStreamMessage, Header};
use quipu_proto::state::{
    ArrayAlignment, DiffOptions, StateWriter, StateWriterOptions, diff_with, patch_text,
};
use quipu_proto::{Decoder, Policy};
use serde_json::{Value as Json, json};
use zstd::bulk::Compressor;

const CHUNK: usize = 10_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let messages = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000);
    if let Some(path) = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("write="))
    {
        return write_frames(path, messages).expect("the frames file can be written");
    }
    measure_time(messages);
    let mut mix = Mix::new(2);
    measure_bytes("the mix", (0..messages.min(200_000)).map(|_| mix.message()));
    if let Some(path) = arguments.iter().find(|argument| argument.ends_with(".frames")) {
        let frames = std::fs::read(path).expect("the frames file can be read");
        measure_bytes(path, read_frames(&frames));
    }
    measure_diffs();
}

/// Writes the mix, not compressed.
fn write_frames(path: &str, messages: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut mix = Mix::new(2);
    let mut encoder = Encoder::new(Compression::None);
    for _ in 0..messages {
        let message = mix.message();
        let key = header(&message).map_or(&[][..], |header| header.thread_id.as_bytes());
        let payload = encoder.encode(&message);
        write_frame(
            &mut file,
            &Frame {
                partition: 0,
                key,
                payload: &payload,
            },
        )?;
    }
    file.flush()
}

/// The canonical JSON of messages, with all their fields: what a program that keeps JSON would keep.
struct FullJson(MessageDescriptor);

impl FullJson {
    fn new() -> Self {
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema");
        let files = protox::compile(["dashstream.proto"], [schema]).expect("the schema compiles");
        let pool = DescriptorPool::from_file_descriptor_set(files).expect("the schema is whole");
        let envelope = pool
            .all_messages()
            .find(|message| message.name() == "DashStreamMessage");
        Self(envelope.expect("the schema has the envelope"))
    }

    fn len(&self, protobuf: &[u8]) -> usize {
        let message = DynamicMessage::decode(self.0.clone(), protobuf).expect("encoded here");
        object(&message).to_string().len() + 1
    }
}

fn object(message: &DynamicMessage) -> Json {
    let fields = message.fields();
    Json::Object(
        fields
            .map(|(field, value)| (field.json_name().to_owned(), member(&field.kind(), value)))
            .collect(),
    )
}

/// The mapping of protobuf: numbers of 64 bits as text, bytes in base64, enums by name.
fn member(kind: &Kind, value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I32(value) => (*value).into(),
        Value::U32(value) => (*value).into(),
        Value::I64(value) => value.to_string().into(),
        Value::U64(value) => value.to_string().into(),
        Value::F32(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        Value::String(value) => value.clone().into(),
        Value::Bytes(value) => STANDARD.encode(value).into(),
        Value::EnumNumber(number) => match kind.as_enum().and_then(|kind| kind.get_value(*number)) {
            Some(value) => value.name().to_owned().into(),
            None => (*number).into(),
        },
        Value::Message(message) => object(message),
        Value::List(values) => values.iter().map(|value| member(kind, value)).collect(),
        Value::Map(members) => {
            let entry = kind.as_message().expect("entries of a map are messages").clone();
            let kind = entry.map_entry_value_field().kind();
            let members = members.iter().map(|(key, value)| {
                let key = match key {
                    MapKey::String(key) => key.clone(),
                    key => format!("{key:?}"),
                };
                (key, member(&kind, value))
            });
            Json::Object(members.collect())
        }
    }
}

/// The messages of a frames file that are valid.
fn read_frames(frames: &[u8]) -> impl Iterator<Item = DashStreamMessage> {
    let mut expanded = Vec::new();
    let frames = FramesReader::new(frames).flatten();
    frames.filter_map(move |frame| {
        let protobuf = unframe(frame.payload, Policy::Strict, &mut expanded).ok()?;
        let message = DashStreamMessage::decode(protobuf).ok()?;
        header(&message).is_some().then_some(message)
    })
}

/// Nanoseconds a call, over so many calls.
fn nanoseconds(calls: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / calls as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const WAYS: [&str; 9] = [
    "prost, encode_to_vec",
    "prost, into a kept buffer",
    "plain, encode",
    "plain, encode_into",
    "zstd 3 over 512, encode",
    "zstd 3 over 512, encode_into",
    "lz4 over 512, encode_into",
    "prost, unframe and decode",
    "decode to a view",
];

fn measure_time(messages: usize) {
    let mut mix = Mix::new(1);
    let threshold_bytes = 512;
    let mut plain = Encoder::new(Compression::None);
    let mut zstd = Encoder::new(Compression::default());
    let mut lz4 = Encoder::new(Compression::Lz4 { threshold_bytes });
    let mut decoder = Decoder::new(Policy::Strict);
    let mut times: [Vec<f64>; WAYS.len()] = Default::default();
    let (mut bytes, mut long) = (0, 0);
    let mut buffer = Vec::new();
    for round in 0..messages.div_ceil(CHUNK) {
        let chunk: Vec<DashStreamMessage> = (0..CHUNK).map(|_| mix.message()).collect();
        let values: Vec<_> = chunk.iter().map(|message| zstd.encode(message)).collect();
        for message in &chunk {
            let len = message.encoded_len();
            bytes += len;
            long += usize::from(len > threshold_bytes);
        }
        // Each way is the first one equally often: the messages are then farthest from the processor.
        for turn in 0..WAYS.len() {
            let way = (turn + round) % WAYS.len();
            let encode = |encoder: &mut Encoder| {
                for message in &chunk {
                    drop(black_box(encoder.encode(message)));
                }
            };
            let mut into = |encoder: &mut Encoder| {
                for message in &chunk {
                    buffer.clear();
                    encoder.encode_into(message, &mut buffer);
                    black_box(&buffer);
                }
            };
            let time = match way {
                0 => nanoseconds(CHUNK, || {
                    for message in &chunk {
                        drop(black_box(message.encode_to_vec()));
                    }
                }),
                1 => {
                    let mut kept = Vec::new();
                    nanoseconds(CHUNK, || {
                        for message in &chunk {
                            kept.clear();
                            message.encode(&mut kept).expect("a vector has room");
                            black_box(&kept);
                        }
                    })
                }
                2 => nanoseconds(CHUNK, || encode(&mut plain)),
                3 => nanoseconds(CHUNK, || into(&mut plain)),
                4 => nanoseconds(CHUNK, || encode(&mut zstd)),
                5 => nanoseconds(CHUNK, || into(&mut zstd)),
                6 => nanoseconds(CHUNK, || into(&mut lz4)),
                7 => {
                    let mut expanded = Vec::new();
                    nanoseconds(CHUNK, || {
                        for value in &values {
                            let protobuf =
                                unframe(value, Policy::Strict, &mut expanded).expect("framed here");
                            drop(black_box(
                                DashStreamMessage::decode(protobuf).expect("encoded here"),
                            ));
                        }
                    })
                }
                _ => nanoseconds(CHUNK, || {
                    for value in &values {
                        black_box(decoder.decode(Some(value)).expect("encoded here"));
                    }
                }),
            };
            times[way].push(time);
        }
    }
    let count = times[0].len() * CHUNK;
    println!(
        "{count} messages, mean {:.0} bytes of protobuf, {:.1} % over {threshold_bytes} (one in {:.1})",
        bytes as f64 / count as f64,
        100.0 * long as f64 / count as f64,
        count as f64 / long as f64,
    );
    println!(
        "\nns a message, medians of {} chunks of {CHUNK}; ratio to prost in the same chunk",
        times[0].len()
    );
    for (way, name) in WAYS.iter().enumerate() {
        // Against prost with the same kind of memory.
        let base = [0, 1, 0, 1, 0, 1, 1, 7, 7][way];
        let ratios = times[way]
            .iter()
            .zip(&times[base])
            .map(|(time, base)| time / base);
        let ratio = median(ratios.collect());
        println!("{name:30} {:8.0} {ratio:8.2}", median(times[way].clone()));
    }
}

/// Appends a record as it lies in a record batch of Kafka, version 2, with the thread as its key.
fn write_record(out: &mut Vec<u8>, offset: usize, key: &[u8], value: &[u8]) {
    fn varint(out: &mut Vec<u8>, value: usize) {
        // Zigzag: lengths and differences are never negative here.
        let mut value = value << 1;
        while value >= 0x80 {
            out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
            value >>= 7;
        }
        out.push(u8::try_from(value).expect("seven bits"));
    }
    let mut record = vec![0];
    varint(&mut record, offset * 20);
    varint(&mut record, offset);
    varint(&mut record, key.len());
    record.extend_from_slice(key);
    varint(&mut record, value.len());
    record.extend_from_slice(value);
    record.push(0);
    varint(out, record.len());
    out.extend_from_slice(&record);
}

/// Bytes before the records of a batch, which are never compressed.
const BATCH_HEADER_BYTES: usize = 61;

/// Record batches that are closed at a length and compressed at a level.
struct Batches {
    bytes_max: usize,
    /// None leaves them plain.
    level: Option<i32>,
    records: Vec<u8>,
    count: usize,
    written: usize,
}

impl Batches {
    fn new(bytes_max: usize, level: Option<i32>) -> Self {
        Self {
            bytes_max,
            level,
            records: Vec::new(),
            count: 0,
            written: 0,
        }
    }

    fn push(&mut self, key: &[u8], value: &[u8]) {
        write_record(&mut self.records, self.count, key, value);
        self.count += 1;
        if self.records.len() >= self.bytes_max {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.records.is_empty() {
            return;
        }
        let len = match self.level {
            None => self.records.len(),
            Some(level) => {
                let mut compressor = Compressor::new(level).expect("there is memory for a context");
                compressor
                    .compress(&self.records)
                    .expect("a batch can be compressed")
                    .len()
            }
        };
        self.written += BATCH_HEADER_BYTES + len;
        self.records.clear();
        self.count = 0;
    }
}

fn header(message: &DashStreamMessage) -> Option<&Header> {
    match message.message.as_ref() {
        Some(Message::Event(event)) => event.header.as_ref(),
        Some(Message::StateDiff(diff)) => diff.header.as_ref(),
        Some(Message::TokenChunk(chunk)) => chunk.header.as_ref(),
        Some(Message::ToolExecution(execution)) => execution.header.as_ref(),
        Some(Message::Checkpoint(checkpoint)) => checkpoint.header.as_ref(),
        Some(Message::Metrics(metrics)) => metrics.header.as_ref(),
        Some(Message::Error(error)) => error.header.as_ref(),
        Some(Message::EventBatch(batch)) => batch.header.as_ref(),
        Some(Message::ExecutionTrace(trace)) => trace.header.as_ref(),
        None => None,
    }
}

fn measure_bytes(name: &str, source: impl Iterator<Item = DashStreamMessage>) {
    let mut plain = Encoder::new(Compression::None);
    let mut zstd = Encoder::new(Compression::default());
    let mut lz4 = Encoder::new(Compression::Lz4 { threshold_bytes: 512 });
    let mut decoder = Decoder::new(Policy::Strict).for_display();
    let (mut value, mut json) = (Vec::new(), Vec::new());
    let full_json = FullJson::new();
    let (mut protobuf_bytes, mut json_bytes, mut full_json_bytes) = (0, 0, 0);
    let (mut zstd_bytes, mut lz4_bytes) = (0, 0);
    let sizes = [("16 KiB", 16 << 10), ("1 MB", 1_000_000)];
    let codecs = [
        ("plain", None),
        ("zstd 1", Some(1)),
        ("zstd 3", Some(3)),
        ("zstd 6", Some(6)),
        ("zstd 9", Some(9)),
    ];
    // Of messages that are not compressed by themselves, and of those that are.
    let mut batches: Vec<_> = [false, true]
        .into_iter()
        .flat_map(|is_compressed| sizes.map(|size| codecs.map(|codec| (is_compressed, size, codec))))
        .flatten()
        .map(|(is_compressed, (size, bytes_max), (codec, level))| {
            (is_compressed, size, codec, Batches::new(bytes_max, level))
        })
        .collect();
    let mut messages = 0;
    for message in source {
        messages += 1;
        let thread = header(&message).map_or(&[][..], |header| header.thread_id.as_bytes());
        let framed = zstd.encode(&message);
        zstd_bytes += framed.len();
        lz4_bytes += lz4.size(&message).framed_bytes;
        value.clear();
        protobuf_bytes += plain.encode_into(&message, &mut value).expanded_bytes;
        for (is_compressed, _, _, batches) in &mut batches {
            batches.push(thread, if *is_compressed { &framed } else { &value });
        }
        json.clear();
        JsonForm::default().write(&decoder.decode(Some(&value)).expect("encoded here"), &mut json);
        json_bytes += json.len();
        full_json_bytes += full_json.len(&value[1..]);
    }
    println!("\n{name}: bytes a message over {messages}; ratios of protobuf and of canonical JSON to it");
    let line = |name: &str, bytes: usize| {
        println!(
            "{name:58} {:8.1} {:8.2} {:8.2}",
            bytes as f64 / messages as f64,
            protobuf_bytes as f64 / bytes as f64,
            full_json_bytes as f64 / bytes as f64
        );
    };
    line("canonical JSON, a line each", full_json_bytes);
    line("JSON of parse_events, a line each", json_bytes);
    line("protobuf", protobuf_bytes);
    line("values, zstd 3 over 512 bytes", zstd_bytes);
    line("values, lz4 over 512 bytes", lz4_bytes);
    for (is_compressed, size, codec, mut batches) in batches {
        batches.close();
        let of = if is_compressed {
            "values of zstd 3 over 512 bytes"
        } else {
            "plain values"
        };
        line(
            &format!("Kafka batches of {size}, {codec}, of {of}"),
            batches.written,
        );
    }
}

fn measure_diffs() {
    let mut mix = Mix::new(3);
    let old = mix.state(100);
    let mut appended = old.clone();
    let mut windowed = old.clone();
    let message = json!({"role": "user", "content": "and then?", "id": "msg_1"});
    appended["messages"]
        .as_array_mut()
        .expect("a list")
        .push(message.clone());
    let list = windowed["messages"].as_array_mut().expect("a list");
    list.remove(0);
    list.push(message);
    println!(
        "\na state of 100 messages, {} bytes of JSON",
        old.to_string().len()
    );
    for (name, new) in [
        ("one appended", &appended),
        ("head removed, one appended", &windowed),
    ] {
        for arrays in [ArrayAlignment::ByIndex, ArrayAlignment::Aligned] {
            let options = DiffOptions { arrays };
            let time = || nanoseconds(1, || drop(black_box(diff_with(&old, new, options))));
            let diffs = median((0..500).map(|_| time()).collect());
            let write = || {
                let mut writer = StateWriter::new(StateWriterOptions {
                    diff: options,
                    ..StateWriterOptions::default()
                });
                writer.start(old.clone()).expect("no bound");
                let new = new.clone();
                nanoseconds(1, || drop(black_box(writer.write(new))))
            };
            let writes = median((0..500).map(|_| write()).collect());
            let operations = diff_with(&old, new, options);
            println!(
                "{name:30} {arrays:?}: diff {:.1} us, written with hash and operations {:.1} us; {} operations, {} bytes",
                diffs / 1e3,
                writes / 1e3,
                operations.len(),
                patch_text(&operations).len()
            );
        }
    }
}
