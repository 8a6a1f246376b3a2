//! What telemetry takes in a broker's log, and what sending it takes: messages that are compressed one by one (the default), and
//! batches of messages that are not.
//!
//! ```text
//! cargo bench -p quipu-client --bench broker_log -- BROKERS [MESSAGES]
//! ```
//!
//! The messages are those of `proto/benches/mix`, but for their ids, which are left to the producer. Topics are made for this with
//! `compression.type=producer`, so that the log holds what was sent, and are deleted at the end unless `keep` is an argument.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::cast_precision_loss, reason = "counts become ratios for people")]
#![allow(missing_docs)]

#[allow(dead_code, reason = "it has more than messages")]
#[path = "../../proto/benches/mix/mod.rs"]
mod mix;

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mix::Mix;
use prost::Message as _;
use quipu_client::dash_stream_message::Message;
use quipu_client::kafka::KafkaEnv;
use quipu_client::kafka::address::BrokerAddress;
use quipu_client::kafka::produce::BatchCompression;
use quipu_client::kafka::topics::{CompressionType, TopicAdmin, TopicSettings};
use quipu_client::producer::{Fallback, Producer, ProducerOptions};
use quipu_client::{DashStreamMessage, Header};
use quipu_proto::framing::Compression;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let Some(brokers) = arguments.first() else {
        println!(
            "broker_log needs brokers: cargo bench -p quipu-client --bench broker_log -- localhost:9092"
        );
        return Ok(());
    };
    let brokers = BrokerAddress::parse_list(brokers)?;
    let count = arguments.get(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let keeps = arguments.iter().any(|argument| argument == "keep");
    let ways = [
        (
            "messages, zstd 3 over 512 bytes",
            Compression::default(),
            BatchCompression::None,
        ),
        (
            "batches, zstd 1",
            Compression::None,
            BatchCompression::Zstd { level: 1 },
        ),
        (
            "batches, zstd 3",
            Compression::None,
            BatchCompression::Zstd { level: 3 },
        ),
        (
            "batches, zstd 6",
            Compression::None,
            BatchCompression::Zstd { level: 6 },
        ),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut mix = Mix::new(2);
    let protobuf_bytes: usize = (0..count).map(|_| mix.message().encoded_len()).sum();
    println!(
        "{count} messages, {:.1} bytes of protobuf each",
        protobuf_bytes as f64 / count as f64
    );
    for (name, messages, batches) in ways {
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let topic = format!("quipu-bench-{}", since.as_micros());
        let admin = TopicAdmin::new(brokers.clone(), KafkaEnv::from_process()?.options().connect);
        let settings = TopicSettings {
            compression: CompressionType::Producer,
            ..TopicSettings::default()
        };
        runtime.block_on(admin.create(&topic, &settings))?;
        let mut options = ProducerOptions {
            compression: messages,
            fallback: Fallback::None,
            ..ProducerOptions::default()
        };
        options.produce.compression = batches;
        let producer = Producer::with_options(brokers.clone(), &topic, options)?;
        let began = Instant::now();
        runtime.block_on(async {
            let mut mix = Mix::new(2);
            for _ in 0..count {
                let mut message = mix.message();
                if let Some(header) = header_mut(&mut message) {
                    header.message_id.clear();
                }
                drop(producer.submit(message).await?);
            }
            producer.close(Duration::from_secs(300)).await?;
            Ok::<(), Box<dyn Error>>(())
        })?;
        let seconds = began.elapsed().as_secs_f64();
        let bytes = producer.counts().bytes;
        println!(
            "{name:34} {:6.1} bytes a message, {:.2} of protobuf to it, {:6.0} messages/s, topic {topic}",
            bytes as f64 / count as f64,
            protobuf_bytes as f64 / bytes as f64,
            count as f64 / seconds
        );
        if !keeps {
            runtime.block_on(admin.delete(&topic))?;
        }
    }
    Ok(())
}

fn header_mut(message: &mut DashStreamMessage) -> Option<&mut Header> {
    match message.message.as_mut()? {
        Message::Event(message) => message.header.as_mut(),
        Message::StateDiff(message) => message.header.as_mut(),
        Message::TokenChunk(message) => message.header.as_mut(),
        Message::ToolExecution(message) => message.header.as_mut(),
        Message::Checkpoint(message) => message.header.as_mut(),
        Message::Metrics(message) => message.header.as_mut(),
        Message::Error(message) => message.header.as_mut(),
        Message::EventBatch(message) => message.header.as_mut(),
        Message::ExecutionTrace(message) => message.header.as_mut(),
    }
}
