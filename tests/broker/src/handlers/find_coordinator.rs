//! FindCoordinator: there is none, neither for groups nor for transactions. The request is served so that
//! clients which ask for one on the side (librdkafka does whenever `group.id` is set) get an answer instead
//! of a closed connection.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{ApiKey, BrokerId, FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::{StrBytes, VersionRange};

use super::{Answer, Handler};
use crate::shape::{Shape, fixed, text, texts};
use crate::state::Context;

/// The key type of a transactional id; 0 is a group.
const TRANSACTION: i8 = 1;

impl Handler for FindCoordinatorRequest {
    const API: ApiKey = ApiKey::FindCoordinator;
    const SERVED: VersionRange = VersionRange { min: 0, max: 6 };
    const SHAPE: Shape = Shape {
        flexible_from: 3,
        fields: &[text().until(3), fixed(1).since(1), texts().since(4)],
    };

    async fn handle(self, context: &Context) -> Answer<FindCoordinatorResponse> {
        // A consumer with a group id on the side goes on asking, which does no harm. A transactional producer
        // would ask until its time is over, so it gets an error that ends it.
        let absent = match self.key_type {
            TRANSACTION => ResponseError::TransactionalIdAuthorizationFailed,
            _ => ResponseError::CoordinatorNotAvailable,
        };
        let error = context.scripted_response_error().unwrap_or(absent);
        let message = StrBytes::from_static_str("this broker keeps neither consumer groups nor transactions");
        let response = FindCoordinatorResponse::default();
        Answer::Respond(if context.version >= 4 {
            let coordinators = self.coordinator_keys.into_iter().map(|key| {
                Coordinator::default()
                    .with_key(key)
                    .with_node_id(BrokerId(-1))
                    .with_port(-1)
                    .with_error_code(error.code())
                    .with_error_message(Some(message.clone()))
            });
            response.with_coordinators(coordinators.collect())
        } else {
            let response = response
                .with_error_code(error.code())
                .with_node_id(BrokerId(-1))
                .with_port(-1);
            if context.version >= 1 {
                response.with_error_message(Some(message))
            } else {
                response
            }
        })
    }
}
