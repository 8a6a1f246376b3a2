//! Topics made, listed and deleted over the wire.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use quipu_broker::{ApiKey, Broker, BrokerOptions, Fault, FaultRule, ResponseError};
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::topics::{CompressionType, Creation, TopicAdmin, TopicProfile, TopicSettings};
use quipu_kafka::{ConnectOptions, KafkaError};

async fn started() -> (Broker, TopicAdmin) {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    let brokers = BrokerAddress::parse_list(&broker.address()).unwrap();
    (broker, TopicAdmin::new(brokers, ConnectOptions::default()))
}

#[tokio::test]
async fn topics_come_and_go() {
    let (broker, admin) = started().await;
    for (name, profile) in [
        ("events", TopicProfile::Default),
        ("dev", TopicProfile::Dev),
        ("dlq", TopicProfile::DeadLetters),
    ] {
        assert_eq!(
            admin.create(name, &profile.settings()).await.unwrap(),
            Creation::Created
        );
    }
    let again = admin.create("dev", &TopicSettings::default()).await.unwrap();
    assert_eq!(again, Creation::ExistsAlready);
    let listed: Vec<(String, usize)> = admin
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|topic| (topic.name, topic.partitions))
        .collect();
    let expected = [("dev", 3), ("dlq", 3), ("events", 10)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(listed, expected);
    admin.delete("dev").await.unwrap();
    assert_eq!(broker.topics(), ["dlq", "events"]);
    let error = admin.delete("dev").await.unwrap_err();
    assert!(
        matches!(&error, KafkaError::TopicRefused { topic, error: ResponseError::UnknownTopicOrPartition, .. } if topic == "dev"),
        "{error}"
    );
}

#[tokio::test]
async fn creation_is_tried_three_times_where_that_may_help() {
    let (broker, admin) = started().await;
    let moved = || FaultRule::new(Fault::Error(ResponseError::NotController)).api(ApiKey::CreateTopics);
    broker.add_fault(moved().times(2));
    let settings = TopicProfile::Dev.settings();
    assert_eq!(admin.create("a", &settings).await.unwrap(), Creation::Created);
    assert_eq!(broker.requests(ApiKey::CreateTopics), 3);

    broker.add_fault(moved().times(3));
    let error = admin.create("b", &settings).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(broker.requests(ApiKey::CreateTopics), 6);
}

#[tokio::test]
async fn what_the_cluster_refuses_is_not_tried_again() {
    let (broker, admin) = started().await;
    let error = admin
        .create("copies", &TopicProfile::Recommended.settings())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("topic copies") && error.to_string().contains("replication factor 3"),
        "{error}"
    );
    assert_eq!(broker.requests(ApiKey::CreateTopics), 1);
    let plain = TopicSettings {
        compression: CompressionType::None,
        ..TopicProfile::Dev.settings()
    };
    assert_eq!(admin.create("plain", &plain).await.unwrap(), Creation::Created);
}

#[tokio::test]
async fn a_call_ends_in_its_time() {
    let (broker, admin) = started().await;
    let admin = admin.with_timeout(Duration::from_millis(50));
    broker.add_fault(FaultRule::new(Fault::Delay(Duration::from_secs(60))).api(ApiKey::CreateTopics));
    let error = admin
        .create("late", &TopicProfile::Dev.settings())
        .await
        .unwrap_err();
    assert!(matches!(error, KafkaError::Timeout { .. }), "{error}");
}
