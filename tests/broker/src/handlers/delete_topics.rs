//! DeleteTopics, by name or (from version 6) by id.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{ApiKey, DeleteTopicsRequest, DeleteTopicsResponse, TopicName};
use kafka_protocol::protocol::{StrBytes, VersionRange};

use super::{Answer, Handler, code};
use crate::faults::Place;
use crate::shape::{Shape, fixed, structs, text, texts};
use crate::state::{Context, State};

impl Handler for DeleteTopicsRequest {
    const API: ApiKey = ApiKey::DeleteTopics;
    const SERVED: VersionRange = VersionRange { min: 1, max: 6 };
    const SHAPE: Shape = Shape {
        flexible_from: 4,
        fields: &[structs(&[text(), fixed(16)]).since(6), texts().until(5), fixed(4)],
    };

    fn places(&self, state: &State) -> Vec<Place> {
        let names = all(self).into_iter().filter_map(|asked| name(state, &asked).ok());
        names
            .map(|topic| Place {
                topic,
                partition: None,
                offset: None,
            })
            .collect()
    }

    async fn handle(self, context: &Context) -> Answer<DeleteTopicsResponse> {
        let responses = all(&self).into_iter().map(|asked| {
            let found = name(&context.state, &asked);
            let deleted = found.as_ref().map_err(|error| *error).and_then(|name| {
                if let Some(error) = context.scripted_error(name, None) {
                    return Err(error);
                }
                context
                    .state
                    .topics_mut()
                    .delete(name)
                    .map_err(|error| error.response_error())
            });
            let shown = found.ok().map(|name| TopicName(StrBytes::from_string(name)));
            let id = deleted.as_ref().map_or(asked.topic_id, |topic| topic.id);
            DeletableTopicResult::default()
                // Only version 6 can leave the name out.
                .with_name(shown.or_else(|| (context.version < 6).then(TopicName::default)))
                .with_topic_id(id)
                .with_error_code(code(deleted.err()))
        });
        let responses = responses.collect();
        context.state.changed();
        Answer::Respond(DeleteTopicsResponse::default().with_responses(responses))
    }
}

/// The topics meant, in the form of version 6.
fn all(request: &DeleteTopicsRequest) -> Vec<DeleteTopicState> {
    let named = request
        .topic_names
        .iter()
        .map(|name| DeleteTopicState::default().with_name(Some(name.clone())));
    request.topics.iter().cloned().chain(named).collect()
}

/// The name of a topic meant by name or id. A name need not exist.
fn name(state: &State, asked: &DeleteTopicState) -> Result<String, ResponseError> {
    match &asked.name {
        Some(name) => Ok(name.to_string()),
        None => match state.topics().with_id(asked.topic_id) {
            Some(topic) => Ok(topic.name.clone()),
            None => Err(ResponseError::UnknownTopicId),
        },
    }
}
