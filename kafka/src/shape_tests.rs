#![allow(clippy::unwrap_used)]

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData, SnapshotId,
};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset as EpochEnd, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{
    ApiVersionsResponse, BrokerId, CreateTopicsResponse, DeleteTopicsResponse, DescribeConfigsResponse,
    FetchResponse, InitProducerIdResponse, ListOffsetsResponse, MetadataResponse,
    OffsetForLeaderEpochResponse, ProduceResponse, SaslAuthenticateResponse, SaslHandshakeResponse,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use uuid::Uuid;

use super::*;

fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn topic() -> TopicName {
    TopicName(text("topic"))
}

/// Holds the shape of a response to the encoder of kafka-protocol, in all versions, and to damage.
fn holds<R: Encodable + Decodable>(key: i16, response: impl Fn(i16) -> R) {
    let (oldest, newest) = versions(key).unwrap();
    for version in oldest..=newest {
        let mut bytes = BytesMut::new();
        response(version).encode(&mut bytes, version).unwrap();
        assert_eq!(check(key, version, &bytes), Ok(()), "key {key} version {version}");
        for cut in 0..bytes.len() {
            assert!(
                check(key, version, &bytes[..cut]).is_err(),
                "key {key} version {version} cut at {cut}"
            );
        }
        let long = [&bytes[..], &[0]].concat();
        assert!(
            check(key, version, &long).is_err(),
            "key {key} version {version} with a byte more"
        );
        // Whatever passes the check can be decoded without asking for memory that its bytes do not justify.
        for at in 0..bytes.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xff, bytes[at] ^ 1] {
                let mut damaged = bytes.to_vec();
                damaged[at] = value;
                if check(key, version, &damaged).is_ok() {
                    let _ = R::decode(&mut Bytes::from(damaged), version);
                }
            }
        }
    }
    assert!(check(key, newest + 1, &[]).is_err());
}

#[test]
fn produce_has_its_shape() {
    holds(0, |version| {
        let mut partition = PartitionProduceResponse::default().with_base_offset(1);
        if version >= 8 {
            partition = partition
                .with_record_errors(vec![
                    BatchIndexAndErrorMessage::default().with_batch_index_error_message(Some(text("no"))),
                ])
                .with_error_message(Some(text("bad")));
        }
        let topic = TopicProduceResponse::default()
            .with_name(topic())
            .with_partition_responses(vec![partition; 2]);
        ProduceResponse::default().with_responses(vec![topic])
    });
}

#[test]
fn fetch_has_its_shape() {
    holds(1, |version| {
        let mut partition = PartitionData::default()
            .with_aborted_transactions(Some(vec![AbortedTransaction::default(); 3]))
            .with_records(Some(Bytes::from_static(b"records")));
        if version >= 12 {
            partition = partition
                .with_diverging_epoch(EpochEndOffset::default().with_epoch(1).with_end_offset(2))
                .with_current_leader(
                    LeaderIdAndEpoch::default()
                        .with_leader_id(BrokerId(3))
                        .with_leader_epoch(4),
                )
                .with_snapshot_id(SnapshotId::default().with_end_offset(5).with_epoch(6));
        }
        let null = PartitionData::default()
            .with_aborted_transactions(None)
            .with_records(None);
        let mut response = FetchableTopicResponse::default().with_partitions(vec![partition, null]);
        response = if version >= 13 {
            response.with_topic_id(Uuid::from_u128(7))
        } else {
            response.with_topic(topic())
        };
        FetchResponse::default().with_responses(vec![response])
    });
}

#[test]
fn list_offsets_has_its_shape() {
    holds(2, |_| {
        let partitions = vec![ListOffsetsPartitionResponse::default().with_offset(9); 2];
        let topic = ListOffsetsTopicResponse::default()
            .with_name(topic())
            .with_partitions(partitions);
        ListOffsetsResponse::default().with_topics(vec![topic])
    });
}

#[test]
fn metadata_has_its_shape() {
    holds(3, |version| {
        let broker = MetadataResponseBroker::default()
            .with_host(text("host"))
            .with_port(9092);
        let partition = MetadataResponsePartition::default()
            .with_replica_nodes(vec![BrokerId(1), BrokerId(2)])
            .with_isr_nodes(vec![BrokerId(1)]);
        let mut topic = MetadataResponseTopic::default()
            .with_name(Some(topic()))
            .with_partitions(vec![partition; 2]);
        if version >= 10 {
            topic = topic.with_topic_id(Uuid::from_u128(5));
        }
        let response = MetadataResponse::default()
            .with_brokers(vec![broker])
            .with_topics(vec![topic]);
        if version >= 2 {
            response.with_cluster_id(Some(text("cluster")))
        } else {
            response
        }
    });
}

#[test]
fn api_versions_has_its_shape() {
    holds(18, |_| {
        ApiVersionsResponse::default().with_api_keys(vec![ApiVersion::default(); 3])
    });
}

#[test]
fn create_topics_has_its_shape() {
    holds(19, |version| {
        let mut topic = CreatableTopicResult::default()
            .with_name(topic())
            .with_error_message(Some(text("no")));
        if version >= 5 {
            let config = CreatableTopicConfigs::default()
                .with_name(text("a"))
                .with_value(Some(text("b")));
            topic = topic
                .with_configs(Some(vec![config]))
                .with_topic_config_error_code(29);
        }
        CreateTopicsResponse::default().with_topics(vec![topic])
    });
}

#[test]
fn delete_topics_has_its_shape() {
    holds(20, |version| {
        let mut topic = DeletableTopicResult::default().with_name(Some(topic()));
        if version >= 5 {
            topic = topic.with_error_message(Some(text("no")));
        }
        DeleteTopicsResponse::default().with_responses(vec![topic])
    });
}

#[test]
fn init_producer_id_has_its_shape() {
    holds(22, |_| InitProducerIdResponse::default().with_producer_epoch(3));
}

#[test]
fn offset_for_leader_epoch_has_its_shape() {
    holds(23, |_| {
        let partitions = vec![EpochEnd::default().with_end_offset(9); 2];
        let topic = OffsetForLeaderTopicResult::default()
            .with_topic(topic())
            .with_partitions(partitions);
        OffsetForLeaderEpochResponse::default().with_topics(vec![topic])
    });
}

#[test]
fn describe_configs_has_its_shape() {
    holds(32, |version| {
        let synonym = DescribeConfigsSynonym::default()
            .with_name(text("s"))
            .with_value(None);
        let mut config = DescribeConfigsResourceResult::default()
            .with_name(text("cleanup.policy"))
            .with_value(Some(text("compact")))
            .with_synonyms(vec![synonym]);
        if version >= 3 {
            config = config.with_documentation(Some(text("doc")));
        }
        let result = DescribeConfigsResult::default()
            .with_resource_name(text("topic"))
            .with_configs(vec![config; 2]);
        DescribeConfigsResponse::default().with_results(vec![result])
    });
}

#[test]
fn a_length_beyond_the_bytes_is_refused_before_it_costs_memory() {
    // Metadata 12: throttle time, then a broker array of 4 billion.
    let huge = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(check(3, 12, &huge).is_err());
    // Fetch 10: throttle time, error, session, then a topic array of 2 billion.
    let huge = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];
    assert!(check(1, 10, &huge).is_err());
}

#[test]
fn sasl_handshake_has_its_shape() {
    holds(17, |_| {
        SaslHandshakeResponse::default()
            .with_error_code(33)
            .with_mechanisms(vec![text("PLAIN"), text("SCRAM-SHA-256")])
    });
}

#[test]
fn sasl_authenticate_has_its_shape() {
    holds(36, |version| {
        let response = SaslAuthenticateResponse::default()
            .with_error_message(Some(text("no")))
            .with_auth_bytes(Bytes::from_static(b"bytes"));
        if version >= 1 {
            response.with_session_lifetime_ms(1)
        } else {
            response
        }
    });
}
