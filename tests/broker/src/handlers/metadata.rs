//! Metadata: the nodes of this broker, and the topics asked for.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{ApiKey, BrokerId, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::{StrBytes, VersionRange};
use std::sync::Arc;

use super::{Answer, Handler};
use crate::faults::Place;
use crate::options::UnknownTopics;
use crate::shape::{Shape, fixed, structs, text};
use crate::state::{Context, State};
use crate::topic::Topic;

impl Handler for MetadataRequest {
    const API: ApiKey = ApiKey::Metadata;
    const SERVED: VersionRange = VersionRange { min: 0, max: 12 };
    const SHAPE: Shape = Shape {
        flexible_from: 9,
        fields: &[
            structs(&[fixed(16).since(10), text()]),
            fixed(1).since(4),
            fixed(1).since(8).until(10),
            fixed(1).since(8),
        ],
    };

    fn places(&self, state: &State) -> Vec<Place> {
        let topics = state.topics();
        let named = self
            .topics
            .iter()
            .flatten()
            .filter_map(|asked| match &asked.name {
                Some(name) => Some(name.to_string()),
                None => topics.with_id(asked.topic_id).map(|topic| topic.name.clone()),
            });
        let names: Vec<String> = match self.topics.as_deref() {
            None => topics.iter().map(|topic| topic.name.clone()).collect(),
            Some(_) => named.collect(),
        };
        names
            .into_iter()
            .map(|topic| Place {
                topic,
                partition: None,
                offset: None,
            })
            .collect()
    }

    async fn handle(self, context: &Context) -> Answer<MetadataResponse> {
        let state = &context.state;
        let may_create = context.version < 4 || self.allow_auto_topic_creation;
        let topics = match self.topics {
            // Version 0 cannot say null, so that there an empty list means all.
            None => all(context),
            Some(topics) if topics.is_empty() && context.version == 0 => all(context),
            Some(topics) => topics
                .iter()
                .map(|asked| one(context, asked, may_create))
                .collect(),
        };
        let brokers = state.nodes.iter().map(|(node, address)| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(*node))
                .with_host(StrBytes::from_string(address.ip().to_string()))
                .with_port(i32::from(address.port()))
        });
        let response = MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_cluster_id(Some(StrBytes::from_static_str("quipu-broker")))
            .with_controller_id(BrokerId(state.options.node_id))
            .with_topics(topics);
        Answer::Respond(response)
    }
}

fn all(context: &Context) -> Vec<MetadataResponseTopic> {
    let topics: Vec<_> = context.state.topics().iter().cloned().collect();
    topics.iter().map(|topic| described(context, topic)).collect()
}

fn one(context: &Context, asked: &MetadataRequestTopic, may_create: bool) -> MetadataResponseTopic {
    let failed = |error: ResponseError| {
        MetadataResponseTopic::default()
            // Only version 12 can leave the name out.
            .with_name(
                asked
                    .name
                    .clone()
                    .or((context.version < 12).then(TopicName::default)),
            )
            .with_topic_id(asked.topic_id)
            .with_error_code(error.code())
    };
    let state = &context.state;
    if let Some(error) = asked
        .name
        .as_ref()
        .and_then(|name| context.scripted_error(name.as_str(), None))
    {
        return failed(error);
    }
    let found = match &asked.name {
        None => state
            .topics()
            .with_id(asked.topic_id)
            .ok_or(ResponseError::UnknownTopicId),
        Some(name) => {
            let known = state.topics().named(name.as_str());
            match (known, state.options.unknown_topics) {
                (Err(_), UnknownTopics::Create(options)) if may_create => {
                    // Another connection may have created it since; then it is there.
                    let mut topics = state.topics_mut();
                    topics
                        .named(name.as_str())
                        .or_else(|_| topics.create(name.as_str(), options))
                }
                (known, _) => known,
            }
            .map_err(|error| error.response_error())
        }
    };
    match found {
        Ok(topic) => described(context, &topic),
        Err(error) => failed(error),
    }
}

fn described(context: &Context, topic: &Arc<Topic>) -> MetadataResponseTopic {
    let name = TopicName(StrBytes::from_string(topic.name.clone()));
    let response = MetadataResponseTopic::default()
        .with_name(Some(name))
        .with_topic_id(topic.id);
    if let Some(error) = context.scripted_error(&topic.name, None) {
        return response.with_error_code(error.code());
    }
    let nodes: Vec<BrokerId> = context.state.options.node_ids().map(BrokerId).collect();
    let partitions = topic.logs().map(|(partition, log)| {
        MetadataResponsePartition::default()
            .with_partition_index(partition)
            .with_leader_id(BrokerId(log.leader()))
            .with_leader_epoch(log.leader_epoch())
            .with_replica_nodes(nodes.clone())
            .with_isr_nodes(nodes.clone())
    });
    response.with_partitions(partitions.collect())
}
