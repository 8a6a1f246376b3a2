//! An independent client: rskafka creates a topic, produces and fetches.

use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, OffsetAt, UnknownTopicHandling};
use rskafka::record::Record as ClientRecord;

use super::client::started;

#[tokio::test]
async fn rskafka_creates_produces_lists_and_fetches() {
    let (broker, _client) = started().await;
    let client = ClientBuilder::new(vec![broker.address()]).build().await.unwrap();
    client
        .controller_client()
        .unwrap()
        .create_topic("made", 2, 1, 1000)
        .await
        .unwrap();
    let partition = client
        .partition_client("made", 1, UnknownTopicHandling::Error)
        .await
        .unwrap();
    let sent: Vec<ClientRecord> = (0..10)
        .map(|n| ClientRecord {
            key: Some(vec![n]),
            value: Some(vec![n; 100]),
            headers: [("h".to_owned(), vec![n])].into(),
            timestamp: rskafka::chrono::DateTime::from_timestamp_millis(1_700_000_000_000 + i64::from(n))
                .unwrap(),
        })
        .collect();
    let produced = partition
        .produce(sent.clone(), Compression::NoCompression)
        .await
        .unwrap();
    assert_eq!(produced, (0..10).collect::<Vec<i64>>());
    let (fetched, high_watermark) = partition.fetch_records(3, 1..1_000_000, 1000).await.unwrap();
    assert_eq!(high_watermark, 10);
    let fetched: Vec<_> = fetched.into_iter().map(|at| (at.offset, at.record)).collect();
    assert_eq!(
        fetched,
        (3..10).zip(sent[3..].iter().cloned()).collect::<Vec<_>>()
    );
    assert_eq!(partition.get_offset(OffsetAt::Earliest).await.unwrap(), 0);
    assert_eq!(partition.get_offset(OffsetAt::Latest).await.unwrap(), 10);
}
