//! Bytes that no client should send. They cost their connection, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, FetchRequest, FindCoordinatorRequest,
    InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest, RequestHeader,
    SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Encodable, Request};
use tokio::time::timeout;

use super::client::{Client, batch, fetch, name, produce, records, started, values};
use crate::handlers::{Outcome, RequestError, dispatch};
use crate::state::State;
use crate::{BatchBuilder, Broker, BrokerHandle, BrokerOptions, Compression, TopicCompression, TopicOptions};

async fn still_serves(broker: &BrokerHandle) {
    assert_eq!(
        values(&Client::connect(broker).await.fetch(12, "t", 0).await).len(),
        1
    );
}

/// The header of a request.
fn header<R: Request>(version: i16) -> BytesMut {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version);
    let mut frame = BytesMut::new();
    header.encode(&mut frame, R::header_version(version)).unwrap();
    frame
}

fn whole<R: Request>(version: i16, request: &R) -> BytesMut {
    let mut frame = header::<R>(version);
    request.encode(&mut frame, version).unwrap();
    frame
}

#[tokio::test]
async fn frames_that_are_no_requests_close_their_connection() {
    let (broker, _client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    let frames: [&[u8]; 6] = [
        b"",
        b"\0",
        b"\0\x12\0\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0, 3, 0, 12, 0, 0, 0, 1, 0x7f, 0xff],
    ];
    for frame in frames {
        let mut client = Client::connect(&broker).await;
        client.send_frame(frame).await.unwrap();
        assert!(client.read_to_close().await.is_empty(), "{frame:?}");
    }
    still_serves(&broker).await;
}

#[tokio::test]
async fn impossible_frame_lengths_close_their_connection() {
    let options = BrokerOptions {
        frame_bytes_max: 1000,
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    broker.create_topic("t", TopicOptions::default()).unwrap();
    broker.append("t", 0, records(&["a"])).unwrap();
    for length in [-1, i32::MIN, i32::MAX, 1001] {
        let mut client = Client::connect(&broker).await;
        client.send_bytes(&length.to_be_bytes()).await.unwrap();
        assert!(client.read_to_close().await.is_empty(), "{length}");
    }
    still_serves(&broker).await;
}

#[tokio::test]
async fn a_length_of_an_array_takes_no_memory_before_its_elements_are_there() {
    let (broker, _client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    let mut counted = Vec::new();
    // Metadata 1: two thousand million topics in four bytes; their structures would take some 180 GiB.
    let mut frame = header::<MetadataRequest>(1);
    frame.put_i32(i32::MAX);
    counted.push(frame);
    // Metadata 12: the same with a compact length of 2^32 - 2.
    let mut frame = header::<MetadataRequest>(12);
    frame.put_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    counted.push(frame);
    // Fetch 4: one topic whose partitions are as many.
    let mut frame = header::<FetchRequest>(4);
    frame.put_slice(&[0; 17]);
    frame.put_i32(1);
    frame.put_slice(b"\0\x01t");
    frame.put_i32(i32::MAX);
    counted.push(frame);
    for frame in counted {
        let mut client = Client::connect(&broker).await;
        client.send_frame(&frame).await.unwrap();
        assert!(client.read_to_close().await.is_empty());
    }
    still_serves(&broker).await;
}

#[tokio::test]
async fn bytes_behind_the_last_field_are_ignored() {
    let (broker, mut client) = started().await;
    broker.append("t", 0, records(&["a"])).unwrap();
    let mut frame = whole(12, &MetadataRequest::default());
    frame.put_slice(&[1, 0, 0]);
    client.send_frame(&frame).await.unwrap();
    assert!(!client.receive().await.unwrap().is_empty());
}

/// The whole way of a request in this very task, where a panic fails the test. A Fetch that would wait is
/// left alone.
async fn dispatched(state: &Arc<State>, frame: &[u8]) -> Option<Result<Outcome, RequestError>> {
    timeout(
        Duration::ZERO,
        dispatch(state, 1, &Arc::default(), Bytes::copy_from_slice(frame)),
    )
    .await
    .ok()
}

/// Requests of all APIs, in old and new versions.
fn good_frames() -> Vec<BytesMut> {
    let topic = MetadataRequestTopic::default().with_name(Some(name("t")));
    let creatable = CreatableTopic::default()
        .with_name(name("made"))
        .with_num_partitions(1)
        .with_replication_factor(1);
    let listed = ListOffsetsTopic::default()
        .with_name(name("t"))
        .with_partitions(vec![Default::default()]);
    let epochs = OffsetForLeaderTopic::default()
        .with_topic(name("t"))
        .with_partitions(vec![Default::default()]);
    vec![
        whole(4, &fetch("t", 0)),
        whole(12, &fetch("t", 0)),
        whole(3, &produce("t", batch(&["a"]))),
        whole(9, &produce("z", batch(&["a", "b"]))),
        whole(
            1,
            &MetadataRequest::default().with_topics(Some(vec![topic.clone()])),
        ),
        whole(12, &MetadataRequest::default().with_topics(Some(vec![topic]))),
        whole(3, &ApiVersionsRequest::default()),
        whole(7, &CreateTopicsRequest::default().with_topics(vec![creatable])),
        whole(
            4,
            &DeleteTopicsRequest::default().with_topic_names(vec![name("made")]),
        ),
        whole(
            2,
            &ListOffsetsRequest::default().with_topics(vec![listed.clone()]),
        ),
        whole(7, &ListOffsetsRequest::default().with_topics(vec![listed])),
        whole(
            4,
            &OffsetForLeaderEpochRequest::default().with_topics(vec![epochs]),
        ),
        whole(4, &InitProducerIdRequest::default()),
        whole(1, &SaslHandshakeRequest::default()),
        whole(2, &SaslAuthenticateRequest::default()),
        whole(
            4,
            &FindCoordinatorRequest::default().with_coordinator_keys(vec!["group".into()]),
        ),
    ]
}

/// A broker with a log that reads have to look at, without sockets.
async fn state() -> Arc<State> {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    broker.create_topic("t", TopicOptions::default()).unwrap();
    let gzip = TopicOptions::default().compression(TopicCompression::Codec(Compression::Gzip));
    broker.create_topic("z", gzip).unwrap();
    broker
        .append_aborted_transaction("t", 0, 1, [records(&["a", "b"])])
        .unwrap();
    broker.append("t", 0, records(&["c"])).unwrap();
    let handle = broker.handle();
    broker.shutdown().await;
    handle.state()
}

#[tokio::test]
async fn requests_cut_anywhere_are_refused() {
    let state = state().await;
    for frame in good_frames() {
        assert!(
            matches!(dispatched(&state, &frame).await, Some(Ok(Outcome::Respond(_)))),
            "{frame:?}"
        );
        for cut in 0..frame.len() {
            let refused = dispatched(&state, &frame[..cut]).await;
            assert!(
                matches!(refused, Some(Err(_))),
                "{frame:?} cut at {cut}: {refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_changed_byte_of_a_request_panics() {
    let state = state().await;
    for frame in good_frames() {
        for at in 0..frame.len() {
            for byte in 0..=255 {
                let mut changed = frame.clone();
                changed[at] = byte;
                dispatched(&state, &changed).await;
            }
        }
    }
}

#[tokio::test]
async fn no_request_of_random_bytes_panics() {
    let state = state().await;
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let frames = good_frames();
    for round in 0..40_000 {
        let mut frame = frames[random.below(frames.len())].clone();
        if round % 2 == 0 {
            // Behind the header: any bytes, mostly small ones, so that lengths are often possible.
            frame.truncate(14);
            for _ in 0..random.below(60) {
                let byte = random.below(256) as u8;
                frame.put_u8(if random.below(8) == 0 { byte } else { byte & 3 });
            }
        } else {
            for _ in 0..4 {
                let at = random.below(frame.len());
                frame[at] = random.below(256) as u8;
            }
        }
        dispatched(&state, &frame).await;
    }
}

#[tokio::test]
async fn no_produced_batch_of_changed_bytes_panics_even_with_its_checksum_right() {
    let state = state().await;
    let mut random = Random(7);
    for codec in Compression::ALL {
        let good = BatchBuilder::new()
            .compression(codec)
            .records(records(&["a", "bb", &"c".repeat(300)]));
        let good = good.build().unwrap();
        for _ in 0..3000 {
            let mut changed = good.to_vec();
            for _ in 0..1 + random.below(3) {
                let at = 21 + random.below(changed.len() - 21);
                changed[at] = random.below(256) as u8;
            }
            let crc = crc32c::crc32c(&changed[21..]).to_be_bytes();
            changed[17..21].copy_from_slice(&crc);
            dispatched(&state, &whole(9, &produce("z", changed.clone().into()))).await;
            dispatched(&state, &whole(9, &produce("t", changed.into()))).await;
        }
    }
    let times = ListOffsetsPartition::default()
        .with_timestamp(1)
        .with_current_leader_epoch(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(name("t"))
        .with_partitions(vec![times]);
    let request = ListOffsetsRequest::default().with_topics(vec![topic]);
    assert!(matches!(
        dispatched(&state, &whole(7, &request)).await,
        Some(Ok(Outcome::Respond(_)))
    ));
}

/// A seeded generator of our own keeps the crate free of another dependency.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize % end
    }
}
