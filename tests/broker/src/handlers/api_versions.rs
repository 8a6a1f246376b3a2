//! ApiVersions: what is served.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::VersionRange;

use super::{Answer, Handler, code, served};
use crate::shape::{Shape, text};
use crate::state::Context;

impl Handler for ApiVersionsRequest {
    const API: ApiKey = ApiKey::ApiVersions;
    const SERVED: VersionRange = VersionRange { min: 0, max: 4 };
    const SHAPE: Shape = Shape {
        flexible_from: 3,
        fields: &[text().since(3), text().since(3)],
    };

    async fn handle(self, context: &Context) -> Answer<ApiVersionsResponse> {
        Answer::Respond(response(context.scripted_response_error()))
    }
}

/// The list of what is served; the same in every version.
pub(super) fn response(error: Option<ResponseError>) -> ApiVersionsResponse {
    let api_keys = served().map(|(api, range)| {
        ApiVersion::default()
            .with_api_key(api as i16)
            .with_min_version(range.min)
            .with_max_version(range.max)
    });
    ApiVersionsResponse::default()
        .with_error_code(code(error))
        .with_api_keys(api_keys.to_vec())
}
