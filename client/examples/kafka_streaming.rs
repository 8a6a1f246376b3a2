//! Sends the run of a small agent to Kafka and reads it back:
//! `cargo run -p quipu-client --example kafka_streaming -- localhost:9092 quipu-example`.
//!
//! The topic is created if there is none. The variables `KAFKA_SECURITY_PROTOCOL`, `KAFKA_SASL_*` and `KAFKA_SSL_*` say how to
//! connect.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use quipu_client::consumer::{Consumer, ConsumerOptions};
use quipu_client::producer::{Producer, ProducerOptions};
use quipu_client::recorder::{END, Graph, LlmRequest, Recorder, Usage};
use quipu_kafka::KafkaEnv;
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::topics::{TopicAdmin, TopicProfile};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(brokers), Some(topic)) = (arguments.next(), arguments.next()) else {
        return Err("usage: kafka_streaming BROKERS TOPIC".into());
    };
    send_and_read(&brokers, &topic).await?;
    Ok(())
}

/// Sends a run, reads it back, and tells how many messages that were.
#[expect(clippy::print_stdout, reason = "an example shows what it did")]
pub(crate) async fn send_and_read(brokers: &str, topic: &str) -> Result<u64, Box<dyn Error>> {
    let brokers = BrokerAddress::parse_list(brokers)?;
    let environment = KafkaEnv::from_process()?;
    let connect = environment.options().connect;

    let admin = TopicAdmin::new(brokers.clone(), connect.clone());
    let creation = admin.create(topic, &TopicProfile::Dev.settings()).await?;
    println!("topic {topic}: {creation:?}");

    // What is in the topic already is not ours.
    let mut reading = ConsumerOptions::new(brokers.clone(), topic);
    reading.start = quipu_client::consumer::Start::Latest;
    reading.connect = connect.clone();
    let mut consumer = Consumer::with_options(reading).await?;

    let mut options = ProducerOptions::default();
    options.produce.connect = connect;
    let producer = Arc::new(Producer::with_options(brokers, topic, options)?);
    let recorder = Recorder::builder(producer.clone()).tenant("examples").build();
    let run = recorder.graph_start(Graph::new("greeter", "greet").nodes(["greet"]).edge("greet", END));
    let node = run.node_start("greet");
    let request = node.llm_start(LlmRequest::new("small-1").provider("acme"));
    for word in ["Good ", "morning."] {
        request.chunk(word);
    }
    request.end(Usage::new().tokens(12, 3).cost_usd(0.000_02));
    node.state(&json!({"greeting": "Good morning."}));
    node.end();
    run.edge("greet", END, None);
    run.end();
    producer.flush(Duration::from_secs(10)).await?;
    let sent = recorder.counts().sent;
    println!("{sent} messages sent");

    for _ in 0..sent {
        match consumer.next_timeout(Duration::from_secs(10)).await {
            Some(received) => {
                let received = received?;
                let kind = received.message.message.as_ref().map(kind);
                println!(
                    "partition {} offset {}: {}",
                    received.partition,
                    received.offset,
                    kind.unwrap_or("nothing")
                );
            }
            // No message yet: the brokers may be slow.
            None => return Err("the messages did not come back within 10 s".into()),
        }
    }
    Ok(sent)
}

fn kind(message: &quipu_client::dash_stream_message::Message) -> &'static str {
    use quipu_client::dash_stream_message::Message;

    match message {
        Message::Event(_) => "an event",
        Message::StateDiff(_) => "a state",
        Message::TokenChunk(_) => "a chunk of an answer",
        Message::ToolExecution(_) => "a stage of a tool",
        Message::Checkpoint(_) => "a checkpoint",
        Message::Metrics(_) => "metrics",
        Message::Error(_) => "an error",
        Message::EventBatch(_) => "a batch of events",
        Message::ExecutionTrace(_) => "a trace",
    }
}
