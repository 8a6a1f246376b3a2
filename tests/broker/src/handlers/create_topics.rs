//! CreateTopics. Of the topic settings only `compression.type` has an effect; the others are accepted.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::{ApiKey, CreateTopicsRequest, CreateTopicsResponse};
use kafka_protocol::protocol::{StrBytes, VersionRange};
use uuid::Uuid;

use super::{Answer, Handler};
use crate::faults::Place;
use crate::options::{TopicCleanup, TopicCompression, TopicOptions};
use crate::shape::{Shape, fixed, fixeds, structs, text};
use crate::state::{Context, State};

impl Handler for CreateTopicsRequest {
    const API: ApiKey = ApiKey::CreateTopics;
    const SERVED: VersionRange = VersionRange { min: 2, max: 7 };
    const SHAPE: Shape = Shape {
        flexible_from: 5,
        fields: &[
            structs(&[
                text(),
                fixed(4),
                fixed(2),
                structs(&[fixed(4), fixeds(4)]),
                structs(&[text(), text()]),
            ]),
            fixed(4),
            fixed(1),
        ],
    };

    fn places(&self, _state: &State) -> Vec<Place> {
        let place = |topic: &CreatableTopic| Place {
            topic: topic.name.to_string(),
            partition: None,
            offset: None,
        };
        self.topics.iter().map(place).collect()
    }

    async fn handle(self, context: &Context) -> Answer<CreateTopicsResponse> {
        let topics = self.topics.into_iter().map(|asked| {
            let created = create(context, &asked, self.validate_only);
            let result = CreatableTopicResult::default().with_name(asked.name);
            match created {
                Ok((id, options)) => result
                    .with_topic_id(id)
                    .with_num_partitions(options.partitions)
                    .with_replication_factor(1),
                Err((error, message)) => result
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_string(message))),
            }
        });
        Answer::Respond(CreateTopicsResponse::default().with_topics(topics.collect()))
    }
}

fn create(
    context: &Context,
    asked: &CreatableTopic,
    validate_only: bool,
) -> Result<(Uuid, TopicOptions), (ResponseError, String)> {
    if let Some(error) = context.scripted_error(&asked.name, None) {
        return Err((error, "scripted fault".to_owned()));
    }
    let options = options(asked)?;
    let mut topics = context.state.topics_mut();
    let created = if validate_only {
        topics.check(&asked.name, options).map(|()| Uuid::nil())
    } else {
        topics.create(&asked.name, options).map(|topic| topic.id)
    };
    created
        .map(|id| (id, options))
        .map_err(|error| (error.response_error(), error.to_string()))
}

/// The settings asked for, as far as they matter here.
fn options(asked: &CreatableTopic) -> Result<TopicOptions, (ResponseError, String)> {
    if !matches!(asked.replication_factor, -1 | 1) {
        let message = format!(
            "replication factor {}, but this broker is alone: use 1",
            asked.replication_factor
        );
        return Err((ResponseError::InvalidReplicationFactor, message));
    }
    let mut options = TopicOptions::default();
    if !asked.assignments.is_empty() {
        options.partitions = i32::try_from(asked.assignments.len()).unwrap_or(i32::MAX);
    } else if asked.num_partitions != -1 {
        options.partitions = asked.num_partitions;
    }
    for config in &asked.configs {
        let value = config.value.as_ref().map_or("", |value| value.as_str());
        if config.name.as_str() == "compression.type" {
            options.compression = TopicCompression::from_config(value).ok_or_else(|| {
                let message = format!(
                    "compression.type {value:?}: use producer, uncompressed, gzip, snappy, lz4 or zstd"
                );
                (ResponseError::InvalidConfig, message)
            })?;
        } else if config.name.as_str() == "cleanup.policy" {
            options.cleanup = TopicCleanup::from_config(value).ok_or_else(|| {
                let message = format!("cleanup.policy {value:?}: use delete, compact or both with a comma");
                (ResponseError::InvalidConfig, message)
            })?;
        } else {
            tracing::debug!(topic = %asked.name.as_str(), name = %config.name.as_str(), "topic setting without effect");
        }
    }
    Ok(options)
}
