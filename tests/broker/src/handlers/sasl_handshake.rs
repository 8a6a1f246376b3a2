//! SaslHandshake: which mechanism a login uses.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, SaslHandshakeRequest, SaslHandshakeResponse};
use kafka_protocol::protocol::{StrBytes, VersionRange};

use super::{Answer, Handler, code};
use crate::session::MECHANISMS;
use crate::shape::{Shape, text};
use crate::state::Context;

impl Handler for SaslHandshakeRequest {
    const API: ApiKey = ApiKey::SaslHandshake;
    const SERVED: VersionRange = VersionRange { min: 1, max: 1 };
    const SHAPE: Shape = Shape {
        flexible_from: i16::MAX,
        fields: &[text()],
    };

    async fn handle(self, context: &Context) -> Answer<SaslHandshakeResponse> {
        let error = context.scripted_response_error().or_else(|| {
            if context.state.options.security.logins.is_empty() {
                Some(ResponseError::IllegalSaslState)
            } else if context.session.choose(&self.mechanism) {
                None
            } else {
                Some(ResponseError::UnsupportedSaslMechanism)
            }
        });
        let mechanisms = MECHANISMS.map(|(name, _)| StrBytes::from_static_str(name));
        Answer::Respond(
            SaslHandshakeResponse::default()
                .with_error_code(code(error))
                .with_mechanisms(mechanisms.to_vec()),
        )
    }
}
