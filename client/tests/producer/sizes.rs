//! Messages at the limits of the topic and of readers, to the byte.

use quipu_broker::BrokerOptions;
use quipu_client::Event;
use quipu_client::producer::{Fallback, FallbackFile, Producer, Readers, SendError};
use quipu_kafka::produce::ProduceRecord;
use quipu_proto::framing::Compression;

use crate::support::{LONG, TOPIC, broker_with, event, producer_to, quick, stored_in};

const TOPIC_BYTES_MAX: usize = 20_000;

/// An event whose text does not compress.
fn noisy(thread: &str, bytes: usize) -> Event {
    let mut state = 1_u64;
    let text: String = (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + (state >> 58) as u8)
        })
        .collect();
    let mut event = event(thread);
    event.node_id = text;
    event
}

async fn producer_that_knows_its_topic(
    broker: &quipu_broker::BrokerThread,
    folder: &std::path::Path,
) -> Producer {
    let mut options = quick();
    options.compression = Compression::None;
    options.fallback = Fallback::File(FallbackFile::new(folder.join("kept.frames")));
    let producer = producer_to(broker, options);
    producer.send(event("first")).await.unwrap();
    producer
}

#[tokio::test]
async fn what_the_topic_takes_is_sent_and_one_byte_more_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let broker = broker_with(
        BrokerOptions {
            batch_bytes_max: TOPIC_BYTES_MAX,
            ..BrokerOptions::default()
        },
        1,
    );
    let producer = producer_that_knows_its_topic(&broker, folder.path()).await;
    let mut taken = 0;
    let mut refused = 0;
    for bytes in TOPIC_BYTES_MAX - 250..TOPIC_BYTES_MAX {
        match producer.send(noisy("t", bytes)).await {
            Ok(_) => {
                assert_eq!(refused, 0, "no message behind one that is too large fits");
                taken += 1;
            }
            Err(SendError::TooLargeForTopic {
                record,
                protobuf,
                limit,
            }) => {
                if refused == 0 {
                    assert_eq!(
                        record,
                        TOPIC_BYTES_MAX + 1,
                        "the first that is refused has one byte too many"
                    );
                }
                assert!(protobuf > bytes && limit == TOPIC_BYTES_MAX);
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(taken > 10 && refused > 10, "{taken} and {refused}");
    producer.close(LONG).await.unwrap();
    let stored = stored_in(&broker, TOPIC);
    assert_eq!(stored.len(), taken + 1);
    let largest = stored.last().unwrap();
    let record = ProduceRecord {
        key: Some(b"t"),
        value: Some(&largest.value),
        headers: &[],
        timestamp_ms: 0,
    };
    assert_eq!(record.batch_bytes(), TOPIC_BYTES_MAX);
    let kept = std::fs::read(folder.path().join("kept.frames")).unwrap();
    assert_eq!(quipu_proto::frames::FramesReader::new(&kept).count(), refused);
}

#[tokio::test]
async fn the_compressed_size_counts_for_the_topic() {
    let broker = broker_with(
        BrokerOptions {
            batch_bytes_max: TOPIC_BYTES_MAX,
            ..BrokerOptions::default()
        },
        1,
    );
    let producer = producer_to(&broker, quick());
    producer.send(event("first")).await.unwrap();
    let mut state = noisy("t", 10_000);
    state.node_id = state.node_id.repeat(100);
    producer.send(state).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC).len(), 2);
}

#[tokio::test]
async fn what_readers_would_take_for_a_bomb_is_sent_as_it_is() {
    let broker = broker_with(BrokerOptions::default(), 1);
    let mut options = quick();
    options.produce.message_bytes_max = Some(1_048_588);
    let producer = producer_to(&broker, options);
    let repeated = |bytes: usize| {
        let mut event = event("t");
        event.node_id = "a".repeat(bytes);
        producer.send(event)
    };
    // Up to 1 MiB a body may expand as far as it likes.
    repeated(1_000_000).await.unwrap();
    let error = repeated(3_000_000).await.unwrap_err();
    assert!(matches!(error, SendError::TooLargeForTopic { .. }), "{error}");
    let stored = stored_in(&broker, TOPIC);
    assert_eq!((stored.len(), stored[0].value[0]), (1, 1));
}

#[tokio::test]
async fn readers_of_dashflow_streaming_bound_the_decompressed_size_with_its_flags() {
    let broker = broker_with(
        BrokerOptions {
            batch_bytes_max: 4_000_000,
            ..BrokerOptions::default()
        },
        1,
    );
    let mut options = quick();
    options.readers = Readers::Original;
    let producer = producer_to(&broker, options);
    // Not so even that it would be taken for a bomb.
    let mut text = noisy("t", 10_000).node_id;
    text = text.repeat(105);
    let repeated = |bytes: usize| {
        let mut event = event("t");
        text[..bytes].clone_into(&mut event.node_id);
        event
    };
    let mut largest_taken = 0;
    let mut smallest_refused = 0;
    for bytes in 1_048_576 - 120..1_048_576 {
        match producer.send(repeated(bytes)).await {
            Ok(_) => largest_taken = bytes,
            Err(SendError::TooLargeForReaders {
                bytes: size, limit, ..
            }) => {
                if smallest_refused == 0 {
                    // Compressed, it has two bytes more, which note that.
                    assert_eq!((size, limit), (1_048_579, 1_048_576));
                    smallest_refused = bytes;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(largest_taken + 1, smallest_refused);
    // What was taken is within the limit, the bytes that note the compression included; where these are too many, the
    // message goes as it is.
    let sizes: Vec<(u8, usize)> = stored_in(&broker, TOPIC)
        .iter()
        .map(|record| {
            let mut expanded = Vec::new();
            let bytes =
                quipu_proto::framing::unframe(&record.value, quipu_proto::Policy::Strict, &mut expanded);
            (record.value[0], bytes.unwrap().len())
        })
        .collect();
    let largest: Vec<(u8, usize)> = sizes[sizes.len() - 3..].to_vec();
    assert_eq!(largest, [(1, 1_048_576), (0, 1_048_575), (0, 1_048_576)]);
    // Quipu takes more.
    let producer = producer_to(&broker, quick());
    let mut state = noisy("t", 100_000);
    state.node_id = state.node_id.repeat(30);
    producer.send(state).await.unwrap();
}
