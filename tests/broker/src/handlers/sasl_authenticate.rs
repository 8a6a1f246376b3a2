//! SaslAuthenticate: one step of a login.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse};
use kafka_protocol::protocol::{StrBytes, VersionRange};

use super::{Answer, Handler, code};
use crate::shape::{Shape, blob};
use crate::state::Context;

impl Handler for SaslAuthenticateRequest {
    const API: ApiKey = ApiKey::SaslAuthenticate;
    const SERVED: VersionRange = VersionRange { min: 0, max: 2 };
    const SHAPE: Shape = Shape {
        flexible_from: 2,
        fields: &[blob()],
    };

    async fn handle(self, context: &Context) -> Answer<SaslAuthenticateResponse> {
        let security = &context.state.options.security;
        let scripted = context.scripted_response_error();
        let ours = match scripted {
            None => context.session.step(security, &self.auth_bytes),
            Some(_) => None,
        };
        let Some(ours) = ours else {
            let error = scripted.unwrap_or(ResponseError::SaslAuthenticationFailed);
            return Answer::Respond(
                SaslAuthenticateResponse::default()
                    .with_error_code(code(Some(error)))
                    .with_error_message(Some(StrBytes::from_static_str(
                        "Authentication failed: Invalid username or password",
                    ))),
            );
        };
        let lifetime = security
            .session_lifetime
            .filter(|_| context.session.is_logged_in() && context.version >= 1)
            .map_or(0, |lifetime| {
                i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)
            });
        Answer::Respond(
            SaslAuthenticateResponse::default()
                .with_auth_bytes(Bytes::from(ours))
                .with_session_lifetime_ms(lifetime),
        )
    }
}
