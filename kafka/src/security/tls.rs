//! TLS: whom we trust, and what we show.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::key;
use super::secret::Secret;
use crate::address::BrokerAddress;
use crate::error::KafkaError;

const CA: &str = "KAFKA_SSL_CA_LOCATION";
const CERTIFICATE: &str = "KAFKA_SSL_CERTIFICATE_LOCATION";
const KEY: &str = "KAFKA_SSL_KEY_LOCATION";

/// What can be chosen about TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file with the certificates of the authorities that are trusted; `None` = those that the system trusts.
    pub ca: Option<PathBuf>,
    /// What brokers that ask for a client certificate are shown.
    pub identity: Option<ClientIdentity>,
    /// Whether the certificate of a broker has to name the host that was connected to. Default true. The chain is
    /// checked either way.
    pub check_host_name: bool,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            ca: None,
            identity: None,
            check_host_name: true,
        }
    }
}

/// A certificate of the client with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM file with the certificate, and behind it those that lead to the authority.
    pub certificates: PathBuf,
    /// PEM file with the key: PKCS#8, PKCS#1, SEC1 or encrypted PKCS#8.
    pub key: PathBuf,
    /// Opens a key that is encrypted.
    pub key_password: Option<Secret>,
}

/// TLS ready for use. Its files are read when it is made, and again for the next connection after one of them has
/// changed, so that certificates can be exchanged while a process runs.
#[derive(Clone)]
pub struct Tls {
    settings: Arc<TlsSettings>,
    loaded: Arc<Mutex<Loaded>>,
}

/// What the files held.
struct Loaded {
    stamps: Vec<Stamp>,
    connector: TlsConnector,
    /// The stamps of files that could not be used since.
    refused: Option<Vec<Stamp>>,
}

/// What tells that a file is another one than before: when it was changed, its length, and on Unix its number and when
/// anything about it was changed. None while there is no file.
type Stamp = Option<(Option<SystemTime>, u64, u64, (i64, i64))>;

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.settings).finish()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else, a key that does not belong to its certificate, or no
    /// authorities at all.
    pub fn new(settings: TlsSettings) -> Result<Self, KafkaError> {
        let loaded = Loaded::read(&settings)?;
        Ok(Self {
            settings: Arc::new(settings),
            loaded: Arc::new(Mutex::new(loaded)),
        })
    }

    /// Opens connections with what the files hold now. Where they have changed and cannot be used, with what they held
    /// before: a certificate may be there earlier than its key.
    fn connector(&self) -> TlsConnector {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(&self.settings);
        if loaded.stamps != stamps {
            match Loaded::read(&self.settings) {
                Ok(now) => {
                    tracing::info!("certificates have changed and were read again");
                    *loaded = now;
                }
                Err(error) => {
                    // They are read again for the next connection, and told again once they have changed again.
                    if loaded.refused.as_ref() != Some(&stamps) {
                        tracing::warn!(%error, "certificates have changed and cannot be used: those of before are used");
                        loaded.refused = Some(stamps);
                    }
                }
            }
        }
        loaded.connector.clone()
    }

    /// Encrypts a stream to a broker.
    pub(crate) async fn wrap<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        broker: &BrokerAddress,
        stream: S,
    ) -> Result<TlsStream<S>, KafkaError> {
        let name = ServerName::try_from(broker.host.clone()).map_err(|_| KafkaError::Tls {
            broker: broker.to_string(),
            reason: "its host is neither a DNS name nor an address, so no certificate can name it".to_owned(),
        })?;
        self.connector()
            .connect(name, stream)
            .await
            .map_err(|source| broken(broker, "the TLS handshake", source))
    }
}

impl Loaded {
    fn read(settings: &TlsSettings) -> Result<Self, KafkaError> {
        // Before the files are read: what changes meanwhile is noticed the next time.
        let stamps = stamps(settings);
        let config = config(settings)?;
        Ok(Self {
            stamps,
            connector: TlsConnector::from(Arc::new(config)),
            refused: None,
        })
    }
}

/// The stamps of all files that settings name.
fn stamps(settings: &TlsSettings) -> Vec<Stamp> {
    let identity = settings.identity.as_ref();
    let files = [
        settings.ca.as_ref(),
        identity.map(|identity| &identity.certificates),
        identity.map(|identity| &identity.key),
    ];
    files.into_iter().flatten().map(|path| stamp(path)).collect()
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let (file, changed) = {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()))
    };
    #[cfg(not(unix))]
    let (file, changed) = (0, (0, 0));
    Some((metadata.modified().ok(), metadata.len(), file, changed))
}

fn config(settings: &TlsSettings) -> Result<ClientConfig, KafkaError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(settings, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(CA, "", error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some(identity) = &settings.identity else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(CERTIFICATE, &identity.certificates)?;
    let text = read(KEY, &identity.key)?;
    let shown = identity.key.display().to_string();
    let key =
        key::read(&text, identity.key_password.as_ref()).map_err(|reason| refused(KEY, &shown, reason))?;
    config
        .with_client_auth_cert(chain, key)
        .map_err(|error| match error {
            TlsError::InvalidCertificate(_) => {
                refused(CERTIFICATE, &identity.certificates.display().to_string(), error)
            }
            error => refused(KEY, &shown, error),
        })
}

/// The error of a connection: one that TLS itself ended is not mended by trying again.
pub(crate) fn broken(broker: &BrokerAddress, api: &'static str, source: io::Error) -> KafkaError {
    let broker = broker.to_string();
    let inner = source
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<TlsError>());
    let hint = match inner {
        None => return KafkaError::Connection { broker, api, source },
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "; connect by a name that the certificate has, or set KAFKA_SSL_ENDPOINT_ALGORITHM=none",
        Some(TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => "; name the authority of the broker in KAFKA_SSL_CA_LOCATION",
        Some(TlsError::AlertReceived(_)) => {
            "; the broker does not take what it was shown, see KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION"
        }
        Some(TlsError::InvalidMessage(_)) => "; does it speak TLS at this port?",
        Some(_) => "",
    };
    KafkaError::Tls {
        broker,
        reason: format!("{source}{hint}"),
    }
}

fn refused(setting: &'static str, path: &str, reason: impl fmt::Display) -> KafkaError {
    KafkaError::SecurityFile {
        setting,
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn read(setting: &'static str, path: &Path) -> Result<String, KafkaError> {
    std::fs::read_to_string(path).map_err(|error| {
        refused(
            setting,
            &path.display().to_string(),
            format!("cannot be read: {error}"),
        )
    })
}

fn certificates(setting: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, KafkaError> {
    let text = read(setting, path)?;
    let shown = path.display().to_string();
    let found: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| refused(setting, &shown, format!("is no sound PEM: {error}")))?;
    if found.is_empty() {
        return Err(refused(
            setting,
            &shown,
            "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)",
        ));
    }
    Ok(found)
}

fn roots(settings: &TlsSettings) -> Result<RootCertStore, KafkaError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = &settings.ca else {
        let system = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(system.certs);
        if added == 0 {
            let why: Vec<String> = system.errors.iter().map(ToString::to_string).collect();
            return Err(refused(
                CA,
                "",
                format!(
                    "the system names no authority that could be trusted, so one has to be named here {}",
                    why.join(", ")
                )
                .trim_end(),
            ));
        }
        return Ok(roots);
    };
    for (index, certificate) in certificates(CA, path)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| {
            let reason = format!("certificate {} cannot be used: {error}", index + 1);
            refused(CA, &path.display().to_string(), reason)
        })?;
    }
    Ok(roots)
}

fn verifier(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, KafkaError> {
    let roots = Arc::new(roots(settings)?);
    let chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|error| refused(CA, "", error))?;
    Ok(if settings.check_host_name {
        chain
    } else {
        Arc::new(AnyName { chain })
    })
}

/// Checks the chain of a certificate, and not which host it names.
#[derive(Debug)]
struct AnyName {
    chain: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        // The name is what is looked at last: whoever fails by it has a sound chain.
        match self
            .chain
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
