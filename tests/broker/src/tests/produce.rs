//! What is stored of what a client produces.

use bytes::Bytes;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression as WireCompression, Record as WireRecord, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

use super::client::{Client, batch, decoded, produce, records, started, values};
use crate::{BatchBuilder, Broker, BrokerOptions, Compression, Record, TopicCompression, TopicOptions};

const CODECS: [WireCompression; 5] = [
    WireCompression::None,
    WireCompression::Gzip,
    WireCompression::Snappy,
    WireCompression::Lz4,
    WireCompression::Zstd,
];

/// A batch as another implementation makes it.
fn foreign_batch(compression: WireCompression, values: &[&str]) -> Bytes {
    let record = |(at, value): (usize, &&str)| WireRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: at as i64,
        sequence: at as i32,
        timestamp: 1_700_000_000_000 + at as i64,
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: IndexMap::from([("h".into(), Some(Bytes::from_static(b"v")))]),
    };
    let records: Vec<WireRecord> = values.iter().enumerate().map(record).collect();
    let mut out = bytes::BytesMut::new();
    RecordBatchEncoder::encode(
        &mut out,
        &records,
        &RecordEncodeOptions {
            version: 2,
            compression,
        },
    )
    .unwrap();
    out.freeze()
}

#[tokio::test]
async fn each_codec_is_stored_as_produced() {
    let (broker, mut client) = started().await;
    for (n, codec) in (0_i64..).zip(CODECS) {
        let sent = foreign_batch(codec, &["a", "b", "c"]);
        let stored = client.produce(9, "t", sent.clone()).await;
        assert_eq!((stored.error_code, stored.base_offset), (0, n * 3));
        let data = client.fetch(12, "t", n * 3).await;
        let bytes = data.records.clone().unwrap();
        assert_eq!(
            bytes[16..],
            sent[16..],
            "{codec:?}: all but base offset and leader epoch stays"
        );
        let read = decoded(&data);
        assert_eq!(
            read.iter().map(|record| record.offset).collect::<Vec<_>>(),
            [n * 3, n * 3 + 1, n * 3 + 2]
        );
        assert_eq!(read[2].value.as_deref(), Some(&b"c"[..]));
    }
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 15);
}

#[tokio::test]
async fn a_topic_with_a_codec_recompresses_every_other() {
    let (broker, mut client) = started().await;
    for (stored, wanted) in Compression::ALL.into_iter().zip(CODECS) {
        let topic = format!("as-{stored}");
        let options = TopicOptions::default().compression(TopicCompression::Codec(stored));
        broker.create_topic(&topic, options).unwrap();
        for (n, sent) in (0_i64..).zip(CODECS) {
            let value = format!("{sent:?}").repeat(100);
            let base_offset = client
                .produce(9, &topic, foreign_batch(sent, &["x", &value]))
                .await
                .base_offset;
            assert_eq!(base_offset, n * 2);
            let data = client.fetch(12, &topic, base_offset).await;
            let infos = RecordBatchDecoder::decode_batch_info(&mut data.records.clone().unwrap()).unwrap();
            assert_eq!(infos[0].compression, wanted, "{sent:?} to {stored}");
            let record = decoded(&data).remove(1);
            assert_eq!(
                record.value.as_deref(),
                Some(value.as_bytes()),
                "{sent:?} to {stored}"
            );
            assert_eq!((record.timestamp, record.headers.len()), (1_700_000_000_001, 1));
        }
        broker.append(&topic, 0, records(&["in process"])).unwrap();
        let data = client.fetch(12, &topic, 10).await;
        let infos = RecordBatchDecoder::decode_batch_info(&mut data.records.clone().unwrap()).unwrap();
        assert_eq!(infos[0].compression, wanted);
    }
}

#[tokio::test]
async fn batches_that_are_not_right_are_refused_and_not_stored() {
    let (broker, mut client) = started().await;
    let good = batch(&["a", "b"]);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[at] ^= byte;
        Bytes::from(bytes)
    };
    let resealed = |batch: BatchBuilder| batch.build().unwrap();
    let cases = [
        ("a bit in a record", changed(70, 1), 2),
        ("a bit in the checksum", changed(18, 1), 2),
        ("format 1", changed(16, 3), 87),
        ("a length too large", changed(11, 1), 87),
        ("half a header", good.slice(..30), 87),
        ("nothing", Bytes::new(), 87),
        ("two batches", Bytes::from([&good[..], &good[..]].concat()), 87),
        (
            "a hole",
            resealed(BatchBuilder::new().records(records(&["a"])).last_offset_delta(3)),
            87,
        ),
        ("no records", resealed(BatchBuilder::new()), 87),
        (
            "a marker",
            resealed(BatchBuilder::marker(1, 0, crate::Marker::Abort, -1)),
            87,
        ),
        (
            "a transaction",
            resealed(BatchBuilder::new().records(records(&["a"])).transactional()),
            48,
        ),
    ];
    for (what, bytes, code) in cases {
        let answered = client.produce(9, "t", bytes).await;
        assert_eq!((answered.error_code, answered.base_offset), (code, -1), "{what}");
    }
    assert_eq!(client.produce(9, "missing", good.clone()).await.error_code, 3);
    let zstd = foreign_batch(WireCompression::Zstd, &["a"]);
    assert_eq!(client.produce(6, "t", zstd).await.error_code, 76);
    let invalid_acks = client.call(9, &produce("t", good.clone()).with_acks(2)).await;
    assert_eq!(invalid_acks.responses[0].partition_responses[0].error_code, 21);
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 0);
}

#[tokio::test]
async fn records_that_do_not_fit_their_header_are_refused_by_a_topic_with_a_codec() {
    let (broker, mut client) = started().await;
    let options = TopicOptions::default().compression(TopicCompression::Codec(Compression::Gzip));
    broker.create_topic("z", options).unwrap();
    let jumbled = BatchBuilder::new()
        .record_at(1, Record::new("b"))
        .record_at(0, Record::new("a"));
    let jumbled = jumbled.last_offset_delta(1).build().unwrap();
    assert_eq!(client.produce(9, "z", jumbled).await.error_code, 87);
    // Says zstd, holds plain records, has the right checksum.
    let mut lying = batch(&["a"]).to_vec();
    lying[22] |= 4;
    let crc = crc32c::crc32c(&lying[21..]).to_be_bytes();
    lying[17..21].copy_from_slice(&crc);
    assert_eq!(client.produce(9, "z", lying.into()).await.error_code, 2);
    assert_eq!(broker.high_watermark("z", 0).unwrap(), 0);
}

#[tokio::test]
async fn a_batch_above_the_limit_is_refused() {
    let broker = Broker::start(BrokerOptions {
        batch_bytes_max: 100,
        ..BrokerOptions::default()
    })
    .await
    .unwrap();
    broker.create_topic("t", TopicOptions::default()).unwrap();
    let mut client = Client::connect(&broker).await;
    assert_eq!(
        client.produce(9, "t", batch(&[&"x".repeat(50)])).await.error_code,
        10
    );
    assert_eq!(client.produce(9, "t", batch(&["x"])).await.error_code, 0);
}

#[tokio::test]
async fn without_acks_there_is_no_answer_and_a_failure_closes_the_connection() {
    let (broker, mut client) = started().await;
    client
        .send(9, &produce("t", batch(&["a"])).with_acks(0))
        .await
        .unwrap();
    assert_eq!(
        client.produce(9, "t", batch(&["b"])).await.base_offset,
        1,
        "the next answer is that of the next request"
    );
    client
        .send(9, &produce("missing", batch(&["c"])).with_acks(0))
        .await
        .unwrap();
    assert!(client.read_to_close().await.is_empty());
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 2);
}

#[tokio::test]
async fn an_idempotent_batch_sent_twice_is_stored_once() {
    let (broker, mut client) = started().await;
    let sent = |sequence| {
        BatchBuilder::new()
            .producer(7, 0, sequence)
            .records(records(&["a", "b"]))
            .build()
            .unwrap()
    };
    assert_eq!(client.produce(9, "t", sent(0)).await.base_offset, 0);
    assert_eq!(client.produce(9, "t", sent(2)).await.base_offset, 2);
    let again = client.produce(9, "t", sent(0)).await;
    assert_eq!((again.error_code, again.base_offset), (0, 0));
    assert_eq!(client.produce(9, "t", sent(6)).await.error_code, 45);
    assert_eq!(broker.high_watermark("t", 0).unwrap(), 4);
}

#[tokio::test]
async fn names_of_headers_may_repeat() {
    let (broker, mut client) = started().await;
    broker
        .append(
            "t",
            0,
            [Record::new("v").header("h", "1").header("h", "2").key("k").at(5)],
        )
        .unwrap();
    let data = client.fetch(12, "t", 0).await;
    assert_eq!(values(&data), [(0, "v".to_owned())]);
    let bytes = data.records.unwrap();
    // Header count 2 (zigzag), then twice: name length 1, name, value length 1, value.
    assert!(bytes.ends_with(b"\x04\x02h\x021\x02h\x022"), "{bytes:?}");
}
