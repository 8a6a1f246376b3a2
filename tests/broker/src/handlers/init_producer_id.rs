//! InitProducerId: a number for an idempotent producer. Transactions are refused: no coordinator is here.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, InitProducerIdRequest, InitProducerIdResponse, ProducerId};
use kafka_protocol::protocol::VersionRange;

use super::{Answer, Handler, code};
use crate::shape::{Shape, fixed, text};
use crate::state::Context;

impl Handler for InitProducerIdRequest {
    const API: ApiKey = ApiKey::InitProducerId;
    const SERVED: VersionRange = VersionRange { min: 0, max: 5 };
    const SHAPE: Shape = Shape {
        flexible_from: 2,
        fields: &[text(), fixed(4), fixed(8).since(3), fixed(2).since(3)],
    };

    async fn handle(self, context: &Context) -> Answer<InitProducerIdResponse> {
        let transactional = self
            .transactional_id
            .is_some()
            .then_some(ResponseError::TransactionalIdAuthorizationFailed);
        let error = context.scripted_response_error().or(transactional);
        let response = InitProducerIdResponse::default().with_error_code(code(error));
        Answer::Respond(match error {
            Some(_) => response.with_producer_id(ProducerId(-1)).with_producer_epoch(-1),
            None => response
                .with_producer_id(ProducerId(context.state.new_producer_id()))
                .with_producer_epoch(0),
        })
    }
}
