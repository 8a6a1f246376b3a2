//! ApiVersions: what is served.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::VersionRange;

use super::{Answer, Handler, code, known};
use crate::shape::{Shape, text};
use crate::state::{Context, State};

impl Handler for ApiVersionsRequest {
    const API: ApiKey = ApiKey::ApiVersions;
    const SERVED: VersionRange = VersionRange { min: 0, max: 4 };
    const SHAPE: Shape = Shape {
        flexible_from: 3,
        fields: &[text().since(3), text().since(3)],
    };

    async fn handle(self, context: &Context) -> Answer<ApiVersionsResponse> {
        Answer::Respond(response(&context.state, context.scripted_response_error()))
    }
}

/// The list of what is served; the same in every version.
pub(super) fn response(state: &State, error: Option<ResponseError>) -> ApiVersionsResponse {
    let api_keys = known().into_iter().filter_map(|(api, range)| {
        let range = state.options.served(api, range)?;
        let version = ApiVersion::default()
            .with_api_key(api as i16)
            .with_min_version(range.min)
            .with_max_version(range.max);
        Some(version)
    });
    ApiVersionsResponse::default()
        .with_error_code(code(error))
        .with_api_keys(api_keys.collect())
}
