//! One connection against brokers that answer wrong, or not at all.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::{FetchRequest, MetadataRequest};
use quipu_broker::{Broker, BrokerOptions};
use quipu_ingest::kafka::address::{AddressFamily, BrokerAddress};
use quipu_ingest::kafka::{ConnectOptions, Connection, KafkaError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn options() -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_millis(500),
        request_timeout: Duration::from_millis(300),
        response_bytes_max: 1 << 20,
        ..ConnectOptions::default()
    }
}

/// Reads one request; gives its correlation id.
async fn request(stream: &mut TcpStream) -> Option<[u8; 4]> {
    let length = stream.read_u32().await.ok()?;
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await.ok()?;
    frame[4..8].try_into().ok()
}

/// A broker that knows Metadata only, and answers it with bytes made from the correlation id.
async fn broker(answer: impl Fn([u8; 4]) -> Vec<u8> + Send + 'static) -> BrokerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some(id) = request(&mut stream).await else {
                continue;
            };
            let body = [&id[..], &[0, 0], &[0, 0, 0, 1], &[0, 3, 0, 0, 0, 12]].concat();
            stream.write_all(&framed(&body)).await.unwrap();
            while let Some(id) = request(&mut stream).await {
                let bytes = answer(id);
                if bytes.is_empty() {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                if stream.write_all(&bytes).await.is_err() {
                    break;
                }
                if bytes[..4] != (bytes.len() as u32 - 4).to_be_bytes() {
                    break;
                }
            }
        }
    });
    BrokerAddress {
        host: "127.0.0.1".to_owned(),
        port,
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

/// An empty answer to Metadata 12, after the correlation id: header tags, throttle, no brokers, no cluster, controller 0, no topics.
const EMPTY: [u8; 13] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];

async fn ask(answer: impl Fn([u8; 4]) -> Vec<u8> + Send + 'static) -> (Connection, Result<(), KafkaError>) {
    let broker = broker(answer).await;
    let mut connection = Connection::open(&broker, Arc::new(options())).await.unwrap();
    let version = connection.version::<MetadataRequest>(10..=12).unwrap();
    let result = connection
        .request(&MetadataRequest::default(), version)
        .await
        .map(drop);
    (connection, result)
}

#[tokio::test]
async fn a_right_answer_leaves_the_connection_usable() {
    let (mut connection, result) = ask(|id| framed(&[&id[..], &EMPTY[..]].concat())).await;
    result.unwrap();
    assert!(connection.is_usable());
    connection.request(&MetadataRequest::default(), 12).await.unwrap();
}

#[tokio::test]
async fn impossible_sizes_are_refused() {
    for size in [-1_i32, i32::MIN, i32::MAX, (1 << 20) + 1] {
        let (connection, result) = ask(move |_| size.to_be_bytes().to_vec()).await;
        let error = result.unwrap_err();
        assert!(
            matches!(error, KafkaError::ResponseSize { size: got, .. } if got == i64::from(size)),
            "{error}"
        );
        assert!(!connection.is_usable());
    }
}

#[tokio::test]
async fn a_response_cut_short_is_a_broken_connection() {
    let (_, result) = ask(|id| [&1_000_u32.to_be_bytes()[..], &id].concat()).await;
    assert!(matches!(result.unwrap_err(), KafkaError::Connection { .. }));
}

#[tokio::test]
async fn a_foreign_correlation_id_is_refused() {
    let (_, result) = ask(|_| framed(&[&[9, 9, 9, 9], &EMPTY[..]].concat())).await;
    let error = result.unwrap_err();
    assert!(
        matches!(&error, KafkaError::Malformed { reason, .. } if reason.contains("correlation")),
        "{error}"
    );
}

#[tokio::test]
async fn a_length_field_beyond_the_bytes_is_refused_and_not_allocated() {
    let (_, result) =
        ask(|id| framed(&[&id[..], &[0], &[0; 4], &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat())).await;
    assert!(matches!(result.unwrap_err(), KafkaError::Malformed { .. }));
}

#[tokio::test]
async fn silence_ends_with_a_timeout_and_the_connection_is_not_used_again() {
    let (mut connection, result) = ask(|_| Vec::new()).await;
    assert!(matches!(
        result.unwrap_err(),
        KafkaError::Timeout { api: "Metadata", .. }
    ));
    let again = connection
        .request(&MetadataRequest::default(), 12)
        .await
        .unwrap_err();
    assert!(matches!(again, KafkaError::Abandoned { .. }));
}

#[tokio::test]
async fn a_listener_that_never_answers_ends_with_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broker = BrokerAddress {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
    };
    let error = Connection::open(&broker, Arc::new(options())).await.unwrap_err();
    assert!(matches!(error, KafkaError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_request_that_the_broker_does_not_know_is_an_error_that_says_so() {
    let (connection, _) = ask(|_| Vec::new()).await;
    let error = connection.version::<FetchRequest>(10..=13).unwrap_err();
    assert!(
        error.to_string().contains("has versions none of Fetch"),
        "{error}"
    );
    let error = connection.version::<MetadataRequest>(13..=13).unwrap_err();
    assert!(
        error.to_string().contains("has versions 0 to 12 of Metadata"),
        "{error}"
    );
}

#[tokio::test]
async fn the_address_family_is_kept_to() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let address: BrokerAddress = broker.address().parse().unwrap();
    let of = |address_family| {
        Arc::new(ConnectOptions {
            address_family,
            ..options()
        })
    };
    let error = Connection::open(&address, of(AddressFamily::V6))
        .await
        .unwrap_err();
    assert!(matches!(error, KafkaError::NoAddress { .. }), "{error}");
    Connection::open(&address, of(AddressFamily::V4)).await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_not_used_again() {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let idle = ConnectOptions {
        idle_timeout: Duration::from_millis(50),
        ..options()
    };
    let connection = Connection::open(&broker.address().parse().unwrap(), Arc::new(idle))
        .await
        .unwrap();
    assert!(connection.is_usable());
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert!(!connection.is_usable());
}
