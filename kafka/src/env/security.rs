//! What the environment says about encryption and login.
//!
//! A connection that was meant to be encrypted or authenticated must not quietly become a plain one, so variables that
//! contradict each other are errors.

use std::path::PathBuf;

use crate::error::KafkaError;
use crate::security::{ClientIdentity, Login, Mechanism, Secret, Security, Tls, TlsSettings};

const PROTOCOL: &str = "KAFKA_SECURITY_PROTOCOL";
const MECHANISM: &str = "KAFKA_SASL_MECHANISM";
const USER: &str = "KAFKA_SASL_USERNAME";
const PASSWORD: &str = "KAFKA_SASL_PASSWORD";
const CA: &str = "KAFKA_SSL_CA_LOCATION";
const CERTIFICATE: &str = "KAFKA_SSL_CERTIFICATE_LOCATION";
const KEY: &str = "KAFKA_SSL_KEY_LOCATION";
const KEY_PASSWORD: &str = "KAFKA_SSL_KEY_PASSWORD";
const ENDPOINT: &str = "KAFKA_SSL_ENDPOINT_ALGORITHM";

/// What stands in an error for a value that is not to be shown.
const SET: &str = "(set)";

/// Reads the variables, and the files that they name.
pub(super) fn read(lookup: &impl Fn(&str) -> Option<String>) -> Result<Security, KafkaError> {
    // Set but empty is what container files make of a variable that was left out.
    let given = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    let refused = |setting, value: String, reason| {
        Err(KafkaError::Setting {
            setting,
            value,
            reason,
        })
    };
    let protocol = given(PROTOCOL).unwrap_or_else(|| "plaintext".to_owned());
    let (encrypted, authenticated) = match protocol.trim().to_ascii_lowercase().as_str() {
        "plaintext" => (false, false),
        "ssl" => (true, false),
        "sasl_plaintext" => (false, true),
        "sasl_ssl" => (true, true),
        _ => {
            return refused(
                PROTOCOL,
                protocol,
                "use plaintext, ssl, sasl_plaintext or sasl_ssl",
            );
        }
    };
    if !authenticated
        && let Some(name) = [USER, PASSWORD, MECHANISM]
            .into_iter()
            .find(|name| given(name).is_some())
    {
        return refused(
            name,
            SET.to_owned(),
            "a login needs KAFKA_SECURITY_PROTOCOL to be sasl_ssl or sasl_plaintext; set that, or unset this",
        );
    }
    let for_tls = [CA, CERTIFICATE, KEY, KEY_PASSWORD];
    if !encrypted && let Some(name) = for_tls.into_iter().find(|name| given(name).is_some()) {
        return refused(
            name,
            SET.to_owned(),
            "TLS needs KAFKA_SECURITY_PROTOCOL to be ssl or sasl_ssl; set that, or unset this",
        );
    }
    let check_host_name = match lookup(ENDPOINT) {
        None => true,
        Some(algorithm) => match algorithm.trim().to_ascii_lowercase().as_str() {
            "https" => true,
            "" | "none" => false,
            _ => {
                return refused(
                    ENDPOINT,
                    algorithm,
                    "use https, or none to leave host names unchecked",
                );
            }
        },
    };
    let login = if authenticated { Some(login(&given)?) } else { None };
    let tls = if encrypted {
        Some(Tls::new(TlsSettings {
            ca: given(CA).map(PathBuf::from),
            identity: identity(&given)?,
            check_host_name,
        })?)
    } else {
        None
    };
    Ok(Security { tls, login })
}

fn login(given: &impl Fn(&str) -> Option<String>) -> Result<Login, KafkaError> {
    // The mechanism first: one that needs no password must not be answered with a wish for one.
    let mechanism = given(MECHANISM).map_or(Ok(Mechanism::Plain), |mechanism| mechanism.parse())?;
    let missing = |setting, reason| KafkaError::Setting {
        setting,
        value: String::new(),
        reason,
    };
    let user = given(USER).ok_or_else(|| {
        missing(
            USER,
            "a sasl_* protocol needs a user: set it, or KAFKA_SECURITY_PROTOCOL to ssl or plaintext",
        )
    })?;
    let password = given(PASSWORD).ok_or_else(|| {
        missing(
            PASSWORD,
            "KAFKA_SASL_USERNAME is set, so a password is needed: set it",
        )
    })?;
    Ok(Login {
        mechanism,
        user,
        password: Secret::new(password),
    })
}

fn identity(given: &impl Fn(&str) -> Option<String>) -> Result<Option<ClientIdentity>, KafkaError> {
    let missing = |setting, reason| {
        Err(KafkaError::Setting {
            setting,
            value: String::new(),
            reason,
        })
    };
    match (given(CERTIFICATE), given(KEY)) {
        (Some(certificates), Some(key)) => Ok(Some(ClientIdentity {
            certificates: certificates.into(),
            key: key.into(),
            key_password: given(KEY_PASSWORD).map(Secret::new),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => missing(
            KEY,
            "KAFKA_SSL_CERTIFICATE_LOCATION is set, so the file of its key is needed: set it",
        ),
        (None, Some(_)) => missing(
            CERTIFICATE,
            "KAFKA_SSL_KEY_LOCATION is set, so the file of its certificate is needed: set it",
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Result<Security, KafkaError> {
        read(&|name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    type Variables = &'static [(&'static str, &'static str)];

    const LOGIN: [(&str, &str); 2] = [(USER, "alice"), (PASSWORD, "hunter2")];

    #[test]
    fn protocols_are_taken_in_any_case() {
        for (protocol, same) in [("PLAINTEXT", "plaintext"), ("", "plaintext")] {
            assert_eq!(env(&[(PROTOCOL, protocol)]).unwrap().protocol(), same);
        }
        let secured = env(&[(PROTOCOL, "Sasl_PlainText"), LOGIN[0], LOGIN[1]]).unwrap();
        assert_eq!(secured.protocol(), "sasl_plaintext");
        let login = secured.login.unwrap();
        assert_eq!(
            (login.mechanism, login.user.as_str(), login.password.expose()),
            (Mechanism::Plain, "alice", "hunter2")
        );
        let scram = env(&[
            (PROTOCOL, "sasl_plaintext"),
            (MECHANISM, "scram-sha-512"),
            LOGIN[0],
            LOGIN[1],
        ]);
        assert_eq!(scram.unwrap().login.unwrap().mechanism, Mechanism::ScramSha512);
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name_and_no_secret_is_shown() {
        let cases: &[(Variables, &str, &str)] = &[
            (&[(PROTOCOL, "tls")], PROTOCOL, "use plaintext, ssl"),
            (&[(USER, "hunter1")], USER, "sasl_ssl or sasl_plaintext"),
            (&[(PASSWORD, "hunter2")], PASSWORD, "sasl_ssl or sasl_plaintext"),
            (
                &[(PROTOCOL, "ssl"), LOGIN[0], LOGIN[1]],
                USER,
                "sasl_ssl or sasl_plaintext",
            ),
            (&[(MECHANISM, "PLAIN")], MECHANISM, "sasl_ssl or sasl_plaintext"),
            (&[(CA, "/hunter3")], CA, "to be ssl or sasl_ssl"),
            (
                &[(KEY_PASSWORD, "hunter4")],
                KEY_PASSWORD,
                "to be ssl or sasl_ssl",
            ),
            (&[(PROTOCOL, "sasl_plaintext")], USER, "needs a user"),
            (
                &[(PROTOCOL, "sasl_plaintext"), LOGIN[0]],
                PASSWORD,
                "a password is needed",
            ),
            (&[(PROTOCOL, "sasl_plaintext"), LOGIN[1]], USER, "needs a user"),
            (
                &[(PROTOCOL, "sasl_ssl"), (MECHANISM, "GSSAPI")],
                MECHANISM,
                "client certificate",
            ),
            (
                &[(PROTOCOL, "ssl"), (KEY, "/k")],
                CERTIFICATE,
                "of its certificate",
            ),
            (&[(PROTOCOL, "ssl"), (CERTIFICATE, "/c")], KEY, "of its key"),
            (
                &[(PROTOCOL, "ssl"), (ENDPOINT, "ldaps")],
                ENDPOINT,
                "use https, or none",
            ),
        ];
        for (pairs, setting, says) in cases {
            let error = env(pairs).unwrap_err().to_string();
            assert!(
                error.starts_with(setting) && error.contains(says),
                "{pairs:?}: {error}"
            );
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let error = env(&[(PROTOCOL, "ssl"), (CA, "/no/such/file")])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("KAFKA_SSL_CA_LOCATION is \"/no/such/file\": cannot be read: "),
            "{error}"
        );
    }
}
