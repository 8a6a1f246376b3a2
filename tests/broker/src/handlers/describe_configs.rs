//! DescribeConfigs: the settings of topics that matter here, `cleanup.policy`, `compression.type` and
//! `max.message.bytes`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::{ApiKey, DescribeConfigsRequest, DescribeConfigsResponse};
use kafka_protocol::protocol::{StrBytes, VersionRange};

use super::{Answer, Handler};
use crate::faults::Place;
use crate::options::TopicCompression;
use crate::shape::{Shape, fixed, structs, text, texts};
use crate::state::{Context, State};

/// The kind of resource that has settings here.
const TOPIC: i8 = 2;

impl Handler for DescribeConfigsRequest {
    const API: ApiKey = ApiKey::DescribeConfigs;
    const SERVED: VersionRange = VersionRange { min: 1, max: 4 };
    const SHAPE: Shape = Shape {
        flexible_from: 4,
        fields: &[structs(&[fixed(1), text(), texts()]), fixed(1), fixed(1).since(3)],
    };

    fn places(&self, _state: &State) -> Vec<Place> {
        let topics = self.resources.iter().filter(|asked| asked.resource_type == TOPIC);
        topics
            .map(|asked| Place {
                topic: asked.resource_name.to_string(),
                partition: None,
                offset: None,
            })
            .collect()
    }

    async fn handle(self, context: &Context) -> Answer<DescribeConfigsResponse> {
        let results = self.resources.into_iter().map(|asked| {
            let result = DescribeConfigsResult::default().with_resource_type(asked.resource_type);
            let result = match describe(context, &asked) {
                Ok(configs) => result.with_configs(configs),
                Err(error) => result.with_error_code(error.code()),
            };
            result.with_resource_name(asked.resource_name)
        });
        Answer::Respond(DescribeConfigsResponse::default().with_results(results.collect()))
    }
}

fn describe(
    context: &Context,
    asked: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, ResponseError> {
    if asked.resource_type != TOPIC {
        return Err(ResponseError::InvalidRequest);
    }
    let name = asked.resource_name.as_str();
    if let Some(error) = context.scripted_error(name, None) {
        return Err(error);
    }
    let topic = context.state.topics().named(name);
    let options = topic.map_err(|error| error.response_error())?.options;
    let compression = match options.compression {
        TopicCompression::Producer => "producer".to_owned(),
        TopicCompression::Codec(codec) => codec.name().to_owned(),
    };
    let settings = [
        ("cleanup.policy", options.cleanup.config().to_owned()),
        ("compression.type", compression),
        (
            "max.message.bytes",
            context.state.options.batch_bytes_max.to_string(),
        ),
    ];
    let wanted = |name: &str| {
        asked
            .configuration_keys
            .as_ref()
            .is_none_or(|keys| keys.iter().any(|key| key.as_str() == name))
    };
    let described = settings.into_iter().filter(|(name, _)| wanted(name));
    Ok(described
        .map(|(name, value)| {
            DescribeConfigsResourceResult::default()
                .with_name(StrBytes::from_static_str(name))
                .with_value(Some(StrBytes::from_string(value)))
        })
        .collect())
}
