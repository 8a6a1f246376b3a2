//! Start, stop, restart, and the broker on a thread of its own.

use std::net::TcpStream;

use super::client::{Client, batch, fetch, records, started, values};
use crate::{Broker, BrokerError, BrokerOptions, BrokerThread, TopicOptions};

#[tokio::test]
async fn a_restart_keeps_port_topics_and_logs() {
    let (broker, mut client) = started().await;
    client.produce(9, "t", batch(&["a", "b"])).await;
    let (address, id) = (broker.address(), broker.topic_id("t").unwrap());
    broker.stop().await;
    assert!(
        client.try_call(12, &fetch("t", 0)).await.is_err(),
        "the connection is closed"
    );
    assert!(TcpStream::connect(&address).is_err(), "the port is closed");
    broker.append("t", 0, records(&["while stopped"])).unwrap();

    broker.restart().await.unwrap();
    assert_eq!((broker.address(), broker.topic_id("t").unwrap()), (address, id));
    let mut client = Client::connect(&broker).await;
    assert_eq!(values(&client.fetch(12, "t", 0).await).len(), 3);
    assert_eq!(client.produce(9, "t", batch(&["c"])).await.base_offset, 3);
    assert!(matches!(broker.restart().await, Err(BrokerError::Running { .. })));
}

#[tokio::test]
async fn a_stop_ends_a_waiting_fetch() {
    let (broker, mut client) = started().await;
    client
        .send(12, &fetch("t", 0).with_max_wait_ms(60_000).with_min_bytes(1))
        .await
        .unwrap();
    // Another answer proves that the broker had time to read the first request.
    Client::connect(&broker).await.fetch(12, "t", 0).await;
    broker.stop().await;
    assert!(client.read_to_close().await.is_empty());
}

#[tokio::test]
async fn dropping_or_shutting_down_closes_the_port() {
    for shut_down in [true, false] {
        let broker = Broker::start(BrokerOptions::default()).await.unwrap();
        let address = broker.address();
        let mut client = Client::connect(&broker).await;
        if shut_down {
            broker.shutdown().await;
        } else {
            drop(broker);
        }
        assert!(client.read_to_close().await.is_empty());
        assert!(TcpStream::connect(&address).is_err());
    }
}

#[test]
fn a_broker_thread_serves_programs_without_a_runtime() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker.create_topic("t", TopicOptions::default()).unwrap();
    broker.append("t", 0, records(&["a"])).unwrap();
    let address = broker.address();
    TcpStream::connect(&address).unwrap();
    broker.stop().unwrap();
    assert!(TcpStream::connect(&address).is_err());
    broker.restart().unwrap();
    assert!(matches!(broker.restart(), Err(BrokerError::Running { .. })));
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 1);
    drop(broker);
    assert!(TcpStream::connect(&address).is_err());
}

#[tokio::test]
async fn a_broker_thread_may_live_inside_of_a_runtime() {
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker.create_topic("t", TopicOptions::default()).unwrap();
    assert_eq!(
        Client::connect(&broker)
            .await
            .produce(9, "t", batch(&["a"]))
            .await
            .base_offset,
        0
    );
    broker.stop().unwrap();
    broker.restart().unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let (broker, _client) = started().await;
    let options = BrokerOptions {
        listen: broker.socket_address(),
        ..BrokerOptions::default()
    };
    let error = Broker::start(options).await.unwrap_err();
    assert!(error.to_string().contains(&broker.address()), "{error}");
}
