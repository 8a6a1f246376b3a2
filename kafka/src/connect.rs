//! One connection to one broker: requests go out and responses come back, one at a time.
//!
//! A connection checks what the broker says before memory is taken for it: the announced size against a limit, the
//! shape of the response against its bytes (`shape.rs`). Responses stay in one buffer that their parts share, so
//! record batches are not copied.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use crate::address::{AddressFamily, BrokerAddress};
use crate::error::KafkaError;
use crate::security::{Security, sasl, tls_broken};
use crate::shape;

/// Memory taken for a response before its bytes have come.
const FIRST_RESERVE_BYTES: usize = 1 << 20;

/// Part of a login's lifetime after which the connection is made anew: the broker closes it at the end, and a request
/// that waits for records must be back by then.
const LIFETIME_USED: f64 = 0.8;

/// How connections are made and how long they may take.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Name that brokers see in their logs and quotas.
    pub client_id: String,
    /// Which addresses of a name are tried.
    pub address_family: AddressFamily,
    /// Time to resolve a name, connect and agree on versions. Default 10 s.
    pub connect_timeout: Duration,
    /// Time for a response, beyond the time that the request itself asks the broker to wait. Default 30 s.
    pub request_timeout: Duration,
    /// A connection that was not used for so long is made anew, before the broker closes it. Default 4 min.
    pub idle_timeout: Duration,
    /// Largest response in bytes. Default 128 MiB.
    pub response_bytes_max: usize,
    /// Encryption and login. Default neither.
    pub security: Security,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            client_id: "quipu".to_owned(),
            address_family: AddressFamily::Any,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(240),
            response_bytes_max: 128 << 20,
            security: Security::default(),
        }
    }
}

/// What carries the bytes: a TCP stream, or TLS around it. SASL speaks over it before the first request; nothing else
/// needs to know.
trait Transport: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Transport for T {}

/// An open connection to one broker, with the versions both sides have agreed on.
pub struct Connection {
    broker: BrokerAddress,
    transport: Box<dyn Transport>,
    options: Arc<ConnectOptions>,
    correlation_id: i32,
    versions: HashMap<i16, (i16, i16)>,
    last_used: Instant,
    /// When the login is to be renewed, which is done by a new connection.
    renewal: Option<Instant>,
    /// A request was sent, or begun, whose response was not read to the end.
    in_request: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("broker", &self.broker)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects to a broker, asks which versions it speaks, and logs in where that is wanted.
    ///
    /// # Errors
    /// No address, no connection, no trust, a refused login, or no answer within the connect timeout.
    pub async fn open(broker: &BrokerAddress, options: Arc<ConnectOptions>) -> Result<Self, KafkaError> {
        let limit = options.connect_timeout;
        let late = || KafkaError::Timeout {
            broker: broker.to_string(),
            api: "Connect",
            limit,
        };
        timeout(limit, async {
            let transport = open_transport(broker, &options).await?;
            let mut connection = Self {
                broker: broker.clone(),
                transport,
                options,
                correlation_id: 0,
                versions: HashMap::new(),
                last_used: Instant::now(),
                renewal: None,
                in_request: false,
            };
            connection.ask_versions().await?;
            if let Some(login) = connection.options.security.login.clone() {
                let lifetime = sasl::log_in(&mut connection, &login).await?;
                connection.renewal =
                    lifetime.and_then(|time| Instant::now().checked_add(time.mul_f64(LIFETIME_USED)));
            }
            Ok(connection)
        })
        .await
        .map_err(|_| late())?
    }

    /// The broker at the other end.
    #[must_use]
    pub fn broker(&self) -> &BrokerAddress {
        &self.broker
    }

    /// Whether the connection can carry another request: not broken off in one, not idle for too long, its login not
    /// about to end.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.in_request
            && self.last_used.elapsed() < self.options.idle_timeout
            && self.renewal.is_none_or(|renewal| Instant::now() < renewal)
    }

    /// The newest version of a request that lies in `ours` and that the broker knows.
    ///
    /// # Errors
    /// There is none.
    pub fn version<R: Request>(&self, ours: std::ops::RangeInclusive<i16>) -> Result<i16, KafkaError> {
        let theirs = self.versions.get(&R::KEY).copied();
        let checked = shape::versions(R::KEY);
        let common = theirs.zip(checked).and_then(|(theirs, checked)| {
            let newest = theirs.1.min(*ours.end()).min(R::VERSIONS.max).min(checked.1);
            let oldest = theirs.0.max(*ours.start()).max(R::VERSIONS.min).max(checked.0);
            (oldest <= newest).then_some(newest)
        });
        common.ok_or_else(|| KafkaError::NoCommonVersion {
            broker: self.broker.to_string(),
            api: api_name(R::KEY),
            theirs: theirs.map_or_else(|| "none".to_owned(), |(min, max)| format!("{min} to {max}")),
            ours: format!("{} to {}", ours.start(), ours.end()),
        })
    }

    /// Whether the broker knows a request at all.
    #[must_use]
    pub fn knows<R: Request>(&self) -> bool {
        self.versions.contains_key(&R::KEY)
    }

    /// Sends a request in a version from [`Connection::version`] and waits for its response.
    ///
    /// # Errors
    /// The connection broke, the response did not come within the request timeout, is too large or malformed. After
    /// any error, and after this future was dropped half way, the connection is of no more use.
    pub async fn request<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, KafkaError> {
        self.request_waiting(request, version, Duration::ZERO).await
    }

    /// As [`Connection::request`], for a request that asks the broker to wait `wait` before it answers.
    ///
    /// # Errors
    /// As [`Connection::request`].
    pub async fn request_waiting<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        wait: Duration,
    ) -> Result<R::Response, KafkaError> {
        let api = api_name(R::KEY);
        if self.in_request {
            return Err(KafkaError::Abandoned {
                broker: self.broker.to_string(),
            });
        }
        self.in_request = true;
        let limit = self.options.request_timeout.saturating_add(wait);
        let exchange = self.exchange::<R>(request, version, api);
        let body = match timeout(limit, exchange).await {
            Ok(body) => body?,
            Err(_) => {
                return Err(KafkaError::Timeout {
                    broker: self.broker.to_string(),
                    api,
                    limit,
                });
            }
        };
        let response = self.decode::<R>(body, version, api)?;
        self.in_request = false;
        self.last_used = Instant::now();
        Ok(response)
    }

    /// Writes one frame and reads one: the bytes after the length field.
    async fn exchange<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        api: &'static str,
    ) -> Result<Bytes, KafkaError> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let frame = self.encode(request, version, api)?;
        let broken = |source| tls_broken(&self.broker, api, source);
        self.transport.write_all(&frame).await.map_err(broken)?;
        self.transport.flush().await.map_err(broken)?;

        let size = match self.transport.read_i32().await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(broken(self.closed_without_answer(error)));
            }
            size => size.map_err(broken)?,
        };
        let limit = self.options.response_bytes_max;
        let expected = usize::try_from(size).ok().filter(|size| *size <= limit);
        let Some(expected) = expected else {
            if is_tls_alert(size) && self.options.security.tls.is_none() {
                return Err(KafkaError::Tls {
                    broker: self.broker.to_string(),
                    reason: "it answers in TLS, and is spoken to without; set KAFKA_SECURITY_PROTOCOL to ssl or sasl_ssl"
                        .to_owned(),
                });
            }
            return Err(KafkaError::ResponseSize {
                broker: self.broker.to_string(),
                api,
                size: size.into(),
                limit,
            });
        };
        let mut body = BytesMut::with_capacity(expected.min(FIRST_RESERVE_BYTES));
        while body.len() < expected {
            if body.len() == body.capacity() {
                // As much again as has come: an announced size alone takes no memory.
                body.reserve(body.len().min(expected - body.len()));
            }
            let room = expected - body.len();
            let read = self
                .transport
                .read_buf(&mut (&mut body).limit(room))
                .await
                .map_err(broken)?;
            if read == 0 {
                return Err(broken(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(body.freeze())
    }

    /// The end of a connection in place of an answer, with what it may mean where it comes so early.
    fn closed_without_answer(&self, error: io::Error) -> io::Error {
        // The first request asks for versions, the second is the first that needs a login.
        if self.correlation_id > 2 || self.options.security.login.is_some() {
            return error;
        }
        let hint = "the broker closed it at once; if it wants TLS or a login, see KAFKA_SECURITY_PROTOCOL";
        io::Error::new(error.kind(), hint)
    }

    fn encode<R: Request>(
        &self,
        request: &R,
        version: i16,
        api: &'static str,
    ) -> Result<BytesMut, KafkaError> {
        let fail = |reason: String| KafkaError::Malformed {
            broker: self.broker.to_string(),
            api,
            reason,
        };
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(StrBytes::from_string(self.options.client_id.clone())));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        header
            .encode(&mut frame, R::header_version(version))
            .and_then(|()| request.encode(&mut frame, version))
            .map_err(|error| fail(format!("the request cannot be encoded: {error}")))?;
        let length =
            i32::try_from(frame.len() - 4).map_err(|_| fail("the request is above 2 GiB".to_owned()))?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(frame)
    }

    fn decode<R: Request>(
        &self,
        mut body: Bytes,
        version: i16,
        api: &'static str,
    ) -> Result<R::Response, KafkaError> {
        let fail = |reason: String| KafkaError::Malformed {
            broker: self.broker.to_string(),
            api,
            reason,
        };
        let header_version = R::Response::header_version(version);
        let header =
            ResponseHeader::decode(&mut body, header_version).map_err(|error| fail(error.to_string()))?;
        if header.correlation_id != self.correlation_id {
            return Err(fail(format!(
                "it carries correlation id {}, expected {}",
                header.correlation_id, self.correlation_id
            )));
        }
        shape::check(R::KEY, version, &body).map_err(|malformed| fail(malformed.0.to_owned()))?;
        R::Response::decode(&mut body, version).map_err(|error| fail(error.to_string()))
    }

    /// Asks for the broker's versions, in the version of the question that every broker answers.
    async fn ask_versions(&mut self) -> Result<(), KafkaError> {
        let response = self.request(&ApiVersionsRequest::default(), 0).await?;
        if let Some(error) = response.error_code.err() {
            return Err(KafkaError::Refused {
                broker: self.broker.to_string(),
                api: "ApiVersions",
                error,
            });
        }
        self.versions = response
            .api_keys
            .iter()
            .map(|api| (api.api_key, (api.min_version, api.max_version)))
            .collect();
        Ok(())
    }
}

/// Resolves the name, connects, and encrypts where that is wanted.
async fn open_transport(
    broker: &BrokerAddress,
    options: &ConnectOptions,
) -> Result<Box<dyn Transport>, KafkaError> {
    let stream = open_stream(broker, options).await?;
    Ok(match &options.security.tls {
        None => Box::new(stream),
        Some(tls) => Box::new(tls.wrap(broker, stream).await?),
    })
}

/// Whether the first four bytes of an answer are those of an alert of TLS, instead of a size.
fn is_tls_alert(size: i32) -> bool {
    const ALERT: u8 = 21;
    const MAJOR_VERSION: u8 = 3;
    let bytes = size.to_be_bytes();
    bytes[0] == ALERT && bytes[1] == MAJOR_VERSION && bytes[2] <= 4
}

async fn open_stream(broker: &BrokerAddress, options: &ConnectOptions) -> Result<TcpStream, KafkaError> {
    let family = options.address_family;
    let no_address = || KafkaError::NoAddress {
        broker: broker.to_string(),
        family: family.note(),
    };
    let failed = |source| KafkaError::Connect {
        broker: broker.to_string(),
        source,
    };
    let found = lookup_host((broker.host.as_str(), broker.port))
        .await
        .map_err(|_| no_address())?;
    let addresses: Vec<SocketAddr> = found.filter(|address| family.admits(address)).collect();
    // One address that swallows packets must not use up the time of the others.
    let limit = options.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut last = None;
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(failed)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(last.map_or_else(no_address, failed))
}

fn api_name(key: i16) -> &'static str {
    match ApiKey::try_from(key) {
        Ok(ApiKey::Produce) => "Produce",
        Ok(ApiKey::Fetch) => "Fetch",
        Ok(ApiKey::ListOffsets) => "ListOffsets",
        Ok(ApiKey::Metadata) => "Metadata",
        Ok(ApiKey::ApiVersions) => "ApiVersions",
        Ok(ApiKey::CreateTopics) => "CreateTopics",
        Ok(ApiKey::DeleteTopics) => "DeleteTopics",
        Ok(ApiKey::InitProducerId) => "InitProducerId",
        Ok(ApiKey::OffsetForLeaderEpoch) => "OffsetForLeaderEpoch",
        Ok(ApiKey::DescribeConfigs) => "DescribeConfigs",
        Ok(ApiKey::SaslHandshake) => "SaslHandshake",
        Ok(ApiKey::SaslAuthenticate) => "SaslAuthenticate",
        _ => "a request",
    }
}
