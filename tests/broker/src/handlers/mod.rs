//! One API per file, and the way of a request through them: header, version, layout, decoding, fault,
//! handler, encoding.

mod api_versions;
mod create_topics;
mod delete_topics;
mod describe_configs;
mod fetch;
mod find_coordinator;
mod init_producer_id;
mod list_offsets;
mod metadata;
mod offset_for_leader_epoch;
mod produce;
mod sasl_authenticate;
mod sasl_handshake;

use std::future::Future;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
    SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, VersionRange};

use crate::faults::{DropPoint, Fault, HangPoint, Place};
use crate::log::PartitionLog;
use crate::session::Session;
use crate::shape::{Shape, ShapeError};
use crate::state::{Context, State};
use crate::topic::locked;

/// A request that is served.
pub(crate) trait Handler: Request + Send + 'static {
    /// Its key.
    const API: ApiKey;
    /// The versions that are served.
    const SERVED: VersionRange;
    /// Its layout in all of them.
    const SHAPE: Shape;

    /// The topics and partitions it names, for the fault script.
    fn places(&self, _state: &State) -> Vec<Place> {
        Vec::new()
    }

    /// Does what it asks for.
    fn handle(self, context: &Context) -> impl Future<Output = Answer<Self::Response>> + Send;
}

/// What a handler answers.
#[derive(Debug)]
pub(crate) enum Answer<R> {
    /// This response.
    Respond(R),
    /// No response: the client asked for none.
    Nothing,
    /// No response, and something went wrong: the client learns it from the closed connection.
    Close,
}

/// What the connection is to do after a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Send this frame.
    Respond(BytesMut),
    /// Wait for the next request.
    Nothing,
    /// Close the connection.
    Close,
    /// Send half of this frame, then close the connection.
    CloseAfterHalf(BytesMut),
    /// Send these bytes, then nothing more.
    Hang(BytesMut),
}

/// Why a request closes its connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("request of {0} bytes, but its header alone has 8")]
    Short(usize),
    #[error("request with API key {0}, which this broker does not serve")]
    UnknownApi(i16),
    #[error("{0:?} request from a client that has not logged in, or whose login has ended")]
    NotLoggedIn(ApiKey),
    #[error("{0:?} request, which this broker was told not to serve")]
    UnservedApi(ApiKey),
    #[error("{api:?} request of version {version}, but {min} to {max} are served")]
    UnservedVersion {
        api: ApiKey,
        version: i16,
        min: i16,
        max: i16,
    },
    #[error("malformed {api:?} request of version {version}: {source}")]
    Shape {
        api: ApiKey,
        version: i16,
        source: ShapeError,
    },
    #[error("{api:?} request of version {version} cannot be decoded: {reason}")]
    Decode {
        api: ApiKey,
        version: i16,
        reason: String,
    },
    #[error("{api:?} response of version {version} cannot be encoded: {reason}")]
    Encode {
        api: ApiKey,
        version: i16,
        reason: String,
    },
}

/// The APIs that this broker knows and their versions.
fn known() -> [(ApiKey, VersionRange); 13] {
    fn of<R: Handler>() -> (ApiKey, VersionRange) {
        (R::API, R::SERVED)
    }
    [
        of::<ProduceRequest>(),
        of::<FetchRequest>(),
        of::<ListOffsetsRequest>(),
        of::<MetadataRequest>(),
        of::<FindCoordinatorRequest>(),
        of::<ApiVersionsRequest>(),
        of::<CreateTopicsRequest>(),
        of::<DeleteTopicsRequest>(),
        of::<InitProducerIdRequest>(),
        of::<OffsetForLeaderEpochRequest>(),
        of::<DescribeConfigsRequest>(),
        of::<SaslHandshakeRequest>(),
        of::<SaslAuthenticateRequest>(),
    ]
}

/// Serves one request to a node.
pub(crate) async fn dispatch(
    state: &Arc<State>,
    node: i32,
    session: &Arc<Session>,
    frame: Bytes,
) -> Result<Outcome, RequestError> {
    if frame.len() < 8 {
        return Err(RequestError::Short(frame.len()));
    }
    let key = (&frame[..]).get_i16();
    let asker = Asker { state, node, session };
    match ApiKey::try_from(key) {
        Ok(ApiKey::Produce) => serve::<ProduceRequest>(asker, frame).await,
        Ok(ApiKey::Fetch) => serve::<FetchRequest>(asker, frame).await,
        Ok(ApiKey::ListOffsets) => serve::<ListOffsetsRequest>(asker, frame).await,
        Ok(ApiKey::Metadata) => serve::<MetadataRequest>(asker, frame).await,
        Ok(ApiKey::FindCoordinator) => serve::<FindCoordinatorRequest>(asker, frame).await,
        Ok(ApiKey::ApiVersions) => serve::<ApiVersionsRequest>(asker, frame).await,
        Ok(ApiKey::CreateTopics) => serve::<CreateTopicsRequest>(asker, frame).await,
        Ok(ApiKey::DeleteTopics) => serve::<DeleteTopicsRequest>(asker, frame).await,
        Ok(ApiKey::InitProducerId) => serve::<InitProducerIdRequest>(asker, frame).await,
        Ok(ApiKey::OffsetForLeaderEpoch) => serve::<OffsetForLeaderEpochRequest>(asker, frame).await,
        Ok(ApiKey::DescribeConfigs) => serve::<DescribeConfigsRequest>(asker, frame).await,
        Ok(ApiKey::SaslHandshake) => serve::<SaslHandshakeRequest>(asker, frame).await,
        Ok(ApiKey::SaslAuthenticate) => serve::<SaslAuthenticateRequest>(asker, frame).await,
        _ => Err(RequestError::UnknownApi(key)),
    }
}

/// Who asks, and whom.
#[derive(Clone, Copy)]
struct Asker<'a> {
    state: &'a Arc<State>,
    node: i32,
    session: &'a Arc<Session>,
}

async fn serve<R: Handler>(asker: Asker<'_>, mut frame: Bytes) -> Result<Outcome, RequestError> {
    let Asker { state, node, session } = asker;
    let mut start = &frame[2..];
    let (version, correlation_id) = (start.get_i16(), start.get_i32());
    let api = R::API;
    *locked(&state.requests).entry(api as i16).or_default() += 1;
    let needs_login = !matches!(
        api,
        ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate
    );
    if needs_login && !session.may_ask(&state.options.security) {
        return Err(RequestError::NotLoggedIn(api));
    }
    let Some(VersionRange { min, max }) = state.options.served(api, R::SERVED) else {
        return Err(RequestError::UnservedApi(api));
    };
    if !(min..=max).contains(&version) {
        if api != ApiKey::ApiVersions {
            return Err(RequestError::UnservedVersion {
                api,
                version,
                min,
                max,
            });
        }
        // The one request that a client may send without knowing our versions: it is told them in the oldest
        // form.
        let response = api_versions::response(state, Some(ResponseError::UnsupportedVersion));
        return encode(api, 0, correlation_id, &response).map(Outcome::Respond);
    }

    let undecodable = |source| RequestError::Decode {
        api,
        version,
        reason: format!("{source:#}"),
    };
    RequestHeader::decode(&mut frame, R::header_version(version)).map_err(undecodable)?;
    R::SHAPE
        .walk(version, &frame)
        .map_err(|source| RequestError::Shape { api, version, source })?;
    let request = R::decode(&mut frame, version).map_err(undecodable)?;

    let places = request.places(state);
    let fault = locked(&state.faults).decide(api, node, &places);
    let played = fault.as_ref().map(|due| due.fault);
    if let Some(fault) = played {
        tracing::debug!(?api, ?fault, "playing a fault");
    }
    match played {
        Some(Fault::DropConnection(DropPoint::BeforeHandling)) => return Ok(Outcome::Close),
        Some(Fault::Hang(HangPoint::BeforeHandling)) => return Ok(Outcome::Hang(BytesMut::new())),
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        _ => {}
    }

    let context = Context {
        state: Arc::clone(state),
        node,
        version,
        session: Arc::clone(session),
        fault,
    };
    let mut response = match request.handle(&context).await {
        Answer::Respond(response) => encode(api, version, correlation_id, &response)?,
        Answer::Nothing if matches!(played, Some(Fault::DropConnection(_))) => return Ok(Outcome::Close),
        Answer::Nothing => return Ok(Outcome::Nothing),
        Answer::Close => return Ok(Outcome::Close),
    };
    Ok(match played {
        Some(Fault::DropConnection(DropPoint::MidResponse)) => Outcome::CloseAfterHalf(response),
        Some(Fault::DropConnection(_)) => Outcome::Close,
        Some(Fault::Hang(_)) => Outcome::Hang(response.split_to(response.len() / 2)),
        _ => Outcome::Respond(response),
    })
}

/// A whole frame: length, header, body.
fn encode<R: Encodable + HeaderVersion>(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &R,
) -> Result<BytesMut, RequestError> {
    let failed = |reason: String| RequestError::Encode { api, version, reason };
    let header = ResponseHeader::default().with_correlation_id(correlation_id);
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header
        .encode(&mut frame, R::header_version(version))
        .map_err(|source| failed(format!("{source:#}")))?;
    response
        .encode(&mut frame, version)
        .map_err(|source| failed(format!("{source:#}")))?;
    let bytes = frame.len() - 4;
    let length =
        i32::try_from(bytes).map_err(|_| failed(format!("{bytes} bytes are too many for a frame")))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

impl Context {
    /// The error that the fault script wants for a topic or partition.
    fn scripted_error(&self, topic: &str, partition: Option<i32>) -> Option<ResponseError> {
        self.fault.as_ref().and_then(|due| due.error_at(topic, partition))
    }

    /// The error that the fault script wants for the whole response.
    fn scripted_response_error(&self) -> Option<ResponseError> {
        self.fault.as_ref().and_then(crate::faults::DueFault::error)
    }
}

/// The code of an error, 0 for none.
fn code(error: Option<ResponseError>) -> i16 {
    error.map_or(0, |error| error.code())
}

/// Checks that the node that was asked leads, and the leader epoch that the client believes in.
fn check_leader(context: &Context, log: &PartitionLog, claimed_epoch: i32) -> Result<(), ResponseError> {
    if log.leader() != context.node {
        return Err(ResponseError::NotLeaderOrFollower);
    }
    check_leader_epoch(log, claimed_epoch)
}

/// Checks the leader epoch that a client believes in; -1 means that it does not say.
fn check_leader_epoch(log: &PartitionLog, claimed: i32) -> Result<(), ResponseError> {
    match claimed.cmp(&log.leader_epoch()) {
        _ if claimed < 0 => Ok(()),
        std::cmp::Ordering::Less => Err(ResponseError::FencedLeaderEpoch),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(ResponseError::UnknownLeaderEpoch),
    }
}
