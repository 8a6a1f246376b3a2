//! How a connection is kept safe: encrypted or not, and who we say we are.
//!
//! | file | noun |
//! |---|---|
//! | `tls.rs`, `key.rs` | what is trusted and shown; private keys in all their wrappings |
//! | `login.rs`, `sasl.rs` | user, password and mechanism; the exchange with a broker |
//! | `secret.rs` | text that is never shown |

mod key;
mod login;
pub(crate) mod sasl;
mod secret;
mod tls;

pub use login::{Login, Mechanism};
pub use secret::Secret;
pub(crate) use tls::broken as tls_broken;
pub use tls::{ClientIdentity, Tls, TlsSettings};

/// How connections are kept safe. The default is neither encrypted nor with a login.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// Encryption; `None` = everything goes over the wire as it is, the login too.
    pub tls: Option<Tls>,
    /// Who we say we are; `None` = nobody, or who the certificate of the client says.
    pub login: Option<Login>,
}

impl Security {
    /// The protocol as `KAFKA_SECURITY_PROTOCOL` names it.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match (self.login.is_some(), self.tls.is_some()) {
            (false, false) => "plaintext",
            (false, true) => "ssl",
            (true, false) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        }
    }
}
