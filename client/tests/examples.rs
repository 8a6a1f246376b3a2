//! The examples that need a broker, run against the one in this process.
#![allow(clippy::unwrap_used)]

use quipu_broker::{BrokerOptions, BrokerThread};

#[path = "../examples/kafka_streaming.rs"]
#[allow(dead_code, reason = "its main reads arguments")]
mod kafka_streaming;

#[tokio::test]
async fn kafka_streaming_reads_back_what_it_sent() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    for topic in ["quipu-example", "quipu-example"] {
        // The second time the topic is there, with messages.
        let sent = kafka_streaming::send_and_read(&broker.address(), topic)
            .await
            .unwrap();
        assert_eq!(sent, 11);
    }
}
