//! Whom the broker lets in: TLS and logins.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, crypto};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::BrokerError;

/// What clients have to do before they are served. Default: nothing.
#[derive(Debug, Clone, Default)]
pub struct BrokerSecurity {
    /// TLS on all ports; none = plain TCP.
    pub tls: Option<BrokerTls>,
    /// Users that may log in, by PLAIN and SCRAM; where there are any, everybody has to.
    pub logins: Vec<BrokerLogin>,
    /// For how long a login counts; none = for as long as the connection lasts.
    pub session_lifetime: Option<Duration>,
    /// Whether the broker proves itself wrongly in SCRAM, as one that does not know the password.
    pub is_impostor: bool,
}

/// TLS of a broker.
#[derive(Clone)]
pub struct BrokerTls {
    /// Its certificate and those that lead to the authority, in PEM.
    pub certificates: String,
    /// The key of the certificate, in PEM.
    pub key: String,
    /// The authority of clients, in PEM; where there is one, every client has to show a certificate.
    pub client_ca: Option<String>,
}

impl fmt::Debug for BrokerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerTls").finish_non_exhaustive()
    }
}

impl BrokerTls {
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, BrokerError> {
        let failed = |reason: &dyn fmt::Display| BrokerError::Tls {
            reason: reason.to_string(),
        };
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?;
        let config = match &self.client_ca {
            None => config.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(authority)? {
                    roots.add(certificate).map_err(|error| failed(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| failed(&error))?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|error| failed(&error))?;
        let config = config
            .with_single_cert(certificates(&self.certificates)?, key)
            .map_err(|error| failed(&error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, BrokerError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| BrokerError::Tls {
            reason: error.to_string(),
        })
}

/// A user that may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerLogin {
    /// Name of the user.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl BrokerLogin {
    /// A user with a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }
}

impl fmt::Debug for BrokerLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerLogin")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
