//! Who we say we are.

use std::fmt;
use std::str::FromStr;

use super::secret::Secret;
use crate::error::KafkaError;

/// How a password is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password itself is sent: only over TLS, or where the network is trusted.
    Plain,
    /// A proof by SHA-256 is sent; the broker has to prove that it knows the password too.
    ScramSha256,
    /// As [`Mechanism::ScramSha256`], by SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// The name of the mechanism in SASL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mechanism {
    type Err = KafkaError;

    /// The name of the mechanism, in any case.
    fn from_str(text: &str) -> Result<Self, KafkaError> {
        match text.trim().to_ascii_uppercase().as_str() {
            "PLAIN" => Ok(Self::Plain),
            "SCRAM-SHA-256" => Ok(Self::ScramSha256),
            "SCRAM-SHA-512" => Ok(Self::ScramSha512),
            upper => Err(KafkaError::Setting {
                setting: "KAFKA_SASL_MECHANISM",
                value: text.to_owned(),
                reason: match upper {
                    "GSSAPI" | "OAUTHBEARER" => {
                        "this program logs in by user and password alone: use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, \
                         or a client certificate"
                    }
                    _ => "use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
                },
            }),
        }
    }
}

/// A user with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// How the password is proven.
    pub mechanism: Mechanism,
    /// Name of the user.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn mechanisms_are_known_by_name_in_any_case() {
        for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
            assert_eq!(
                mechanism
                    .name()
                    .to_ascii_lowercase()
                    .parse::<Mechanism>()
                    .unwrap(),
                mechanism
            );
        }
        for (name, says) in [
            ("GSSAPI", "client certificate"),
            ("oauthbearer", "client certificate"),
            ("x", "use PLAIN"),
        ] {
            let error = name.parse::<Mechanism>().unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(name), "{error}");
        }
    }
}
