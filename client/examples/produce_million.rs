//! Sends many messages of 330 bytes and tells how long that took, for comparison with other producers.
//!
//! ```text
//! cargo run --release -p quipu-client --example produce_million -- BROKERS TOPIC [COUNT [IN_FLIGHT]]
//! ```
//!
//! The topic must exist. Every message is acknowledged by all replicas in sync before the program ends.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use quipu_client::producer::{Fallback, Producer, ProducerOptions};
use quipu_client::{AttributeValue, Event, Header, attribute_value::Value};
use quipu_kafka::address::BrokerAddress;

/// Threads, so that all partitions get messages.
const THREADS: usize = 1_000;
/// Text that brings a message to 330 bytes.
const TEXT_BYTES: usize = 235;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(brokers), Some(topic)) = (arguments.next(), arguments.next()) else {
        return Err("usage: produce_million BROKERS TOPIC [COUNT [IN_FLIGHT]]".into());
    };
    let count: usize = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let mut options = ProducerOptions {
        fallback: Fallback::None,
        ..ProducerOptions::default()
    };
    if let Some(in_flight) = arguments.next() {
        options.produce.in_flight_max = in_flight.parse()?;
    }
    let producer = Producer::with_options(BrokerAddress::parse_list(&brokers)?, &topic, options)?;
    let threads: Vec<String> = (0..THREADS).map(|index| format!("session-{index:04}")).collect();
    let text = "0123456789abcdef".repeat(TEXT_BYTES / 16 + 1);
    let text = &text[..TEXT_BYTES];
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let began = Instant::now();
    runtime.block_on(async {
        for index in 0..count {
            producer.submit(message(&threads[index % THREADS], text)).await?;
        }
        producer.close(Duration::from_secs(120)).await?;
        Ok::<(), Box<dyn Error>>(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let counts = producer.counts();
    println!("seconds {seconds:.3}");
    println!("messages_per_second {:.0}", count as f64 / seconds);
    println!("acknowledged {}", counts.messages_sent);
    println!(
        "batch_bytes_per_message {:.1}",
        counts.bytes as f64 / count as f64
    );
    println!("requests {}", counts.requests);
    if let Ok(status) = std::fs::read_to_string("/proc/self/status")
        && let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))
    {
        println!("memory_peak {}", peak.trim());
    }
    Ok(())
}

fn message(thread: &str, text: &str) -> Event {
    let text = AttributeValue {
        value: Some(Value::StringValue(text.to_owned())),
    };
    Event {
        header: Some(Header {
            thread_id: thread.to_owned(),
            tenant_id: "default".to_owned(),
            ..Header::default()
        }),
        event_type: 11,
        node_id: "research".to_owned(),
        duration_us: 1_234_567,
        attributes: [("output".to_owned(), text)].into(),
        ..Event::default()
    }
}
