//! The layouts of requests against the encoder of `kafka-protocol`: whatever it writes, the walk passes to
//! the last byte, and nothing less.

use bytes::BytesMut;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::ForgottenTopic;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    ApiVersionsRequest, BrokerId, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
    TransactionalId,
};
use kafka_protocol::protocol::StrBytes;

use super::client::{batch, fetch, name, produce};
use crate::Uuid;
use crate::handlers::Handler;

/// Two elements in every array, and a value in every field that the version has.
fn check<R: Handler>(request: impl Fn(i16) -> R) {
    for version in R::SERVED.min..=R::SERVED.max {
        let mut body = BytesMut::new();
        request(version).encode(&mut body, version).unwrap();
        assert_eq!(R::SHAPE.walk(version, &body), Ok(0), "{:?} {version}", R::API);
        for cut in 0..body.len() {
            assert!(
                R::SHAPE.walk(version, &body[..cut]).is_err(),
                "{:?} {version} cut at {cut}",
                R::API
            );
        }
    }
}

fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn twice<T: Clone>(element: T) -> Vec<T> {
    vec![element.clone(), element]
}

const ID: Uuid = Uuid::from_u128(7);

#[test]
fn metadata() {
    check::<MetadataRequest>(|version| {
        let mut topic = MetadataRequestTopic::default().with_name(Some(name("topic")));
        if version >= 10 {
            topic.topic_id = ID;
        }
        let request = MetadataRequest::default().with_topics(Some(twice(topic)));
        request.with_include_topic_authorized_operations(version >= 8)
    });
    check::<MetadataRequest>(|version| {
        MetadataRequest::default().with_topics(if version == 0 { Some(vec![]) } else { None })
    });
}

#[test]
fn produce_with_and_without_ids() {
    check::<ProduceRequest>(|version| {
        let mut request = produce(if version < 13 { "topic" } else { "" }, batch(&["a"]));
        if version >= 13 {
            request.topic_data[0].topic_id = ID;
        }
        let topic = &mut request.topic_data[0];
        topic.partition_data = twice(topic.partition_data[0].clone());
        topic.partition_data[1].records = None;
        request.topic_data = twice(request.topic_data[0].clone());
        request.with_transactional_id(Some(TransactionalId(text("tx"))))
    });
}

#[test]
fn fetch_with_and_without_ids() {
    check::<FetchRequest>(|version| {
        let mut request = fetch(if version < 13 { "topic" } else { "" }, 5);
        if version >= 13 {
            request.topics[0].topic_id = ID;
        }
        let topic = &mut request.topics[0];
        topic.partitions = twice(topic.partitions[0].clone());
        request.topics = twice(request.topics[0].clone());
        if version >= 7 {
            let forgotten = ForgottenTopic::default().with_partitions(vec![1, 2]);
            request.forgotten_topics_data = twice(match version {
                ..=12 => forgotten.with_topic(name("old")),
                _ => forgotten.with_topic_id(ID),
            });
        }
        if version >= 11 {
            request.with_rack_id(text("rack"))
        } else {
            request
        }
    });
}

#[test]
fn offsets_and_epochs() {
    check::<ListOffsetsRequest>(|_| {
        let partitions = twice(ListOffsetsPartition::default());
        let topic = ListOffsetsTopic::default()
            .with_name(name("topic"))
            .with_partitions(partitions);
        ListOffsetsRequest::default().with_topics(twice(topic))
    });
    check::<OffsetForLeaderEpochRequest>(|_| {
        let partitions = twice(OffsetForLeaderPartition::default());
        let topic = OffsetForLeaderTopic::default()
            .with_topic(name("topic"))
            .with_partitions(partitions);
        OffsetForLeaderEpochRequest::default().with_topics(twice(topic))
    });
}

#[test]
fn topics() {
    check::<CreateTopicsRequest>(|_| {
        let assignment = CreatableReplicaAssignment::default().with_broker_ids(twice(BrokerId(1)));
        let config = CreatableTopicConfig::default()
            .with_name(text("a"))
            .with_value(Some(text("b")));
        let null = CreatableTopicConfig::default()
            .with_name(text("a"))
            .with_value(None);
        let topic = CreatableTopic::default()
            .with_name(name("topic"))
            .with_assignments(twice(assignment));
        CreateTopicsRequest::default().with_topics(twice(topic.with_configs(vec![config, null])))
    });
    check::<DeleteTopicsRequest>(|version| match version {
        ..=5 => DeleteTopicsRequest::default().with_topic_names(twice(name("topic"))),
        _ => DeleteTopicsRequest::default().with_topics(vec![
            DeleteTopicState::default().with_name(Some(name("topic"))),
            DeleteTopicState::default().with_name(None).with_topic_id(ID),
        ]),
    });
}

#[test]
fn configs() {
    check::<DescribeConfigsRequest>(|version| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("topic"))
            .with_configuration_keys(Some(twice(text("cleanup.policy"))));
        DescribeConfigsRequest::default()
            .with_resources(twice(resource))
            .with_include_documentation(version >= 3)
    });
}

#[test]
fn the_rest() {
    check::<ApiVersionsRequest>(|version| match version {
        ..=2 => ApiVersionsRequest::default(),
        _ => ApiVersionsRequest::default()
            .with_client_software_name(text("quipu"))
            .with_client_software_version(text("1")),
    });
    check::<InitProducerIdRequest>(|_| {
        InitProducerIdRequest::default().with_transactional_id(Some(TransactionalId(text("tx"))))
    });
    check::<InitProducerIdRequest>(|_| InitProducerIdRequest::default().with_transactional_id(None));
    check::<FindCoordinatorRequest>(|version| match version {
        ..=3 => FindCoordinatorRequest::default().with_key(text("group")),
        _ => FindCoordinatorRequest::default().with_coordinator_keys(twice(text("group"))),
    });
}

#[test]
fn sasl() {
    check::<SaslHandshakeRequest>(|_| SaslHandshakeRequest::default().with_mechanism(text("PLAIN")));
    check::<SaslAuthenticateRequest>(|_| {
        SaslAuthenticateRequest::default().with_auth_bytes(bytes::Bytes::from_static(b"bytes"))
    });
}
