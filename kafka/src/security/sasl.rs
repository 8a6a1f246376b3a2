//! The exchange that proves to a broker who we are.
//!
//! ```text
//! SaslHandshake(mechanism) -> SaslAuthenticate(our bytes) -> SaslAuthenticate(our answer to theirs) -> ...
//! ```

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use rsasl::config::SASLConfig;
use rsasl::mechname::Mechname;
use rsasl::prelude::{SASLClient, SessionError};

use super::login::{Login, Mechanism};
use crate::connect::Connection;
use crate::error::KafkaError;

/// Rounds of hashing that a broker may ask for: fewer are not safe, more only keep a thread busy. Kafka's own limits are
/// 4,096 and 16,384.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=100_000;
/// Steps after which an exchange is given up; the longest that we speak has three.
const STEPS_MAX: usize = 5;

/// Logs in, and tells for how long that counts where the broker says so.
pub(crate) async fn log_in(
    connection: &mut Connection,
    login: &Login,
) -> Result<Option<Duration>, KafkaError> {
    let mechanism = login.mechanism;
    shake_hands(connection, login).await?;
    let broker = connection.broker().to_string();
    let fail = |reason: String| refusal(broker.clone(), login, reason);
    let broken = |error: SessionError| fail(said(error));
    let config = SASLConfig::with_credentials(None, login.user.clone(), login.password.expose().to_owned())
        .map_err(|error| fail(error.to_string()))?;
    let name = Mechname::parse(mechanism.name().as_bytes()).map_err(|error| fail(error.to_string()))?;
    let mut session = SASLClient::new(config)
        .start_suggested(&[name])
        .map_err(|error| fail(error.to_string()))?;
    let mut challenge: Option<Bytes> = None;
    let mut lifetime = 0;
    for _ in 0..STEPS_MAX {
        if mechanism != Mechanism::Plain
            && let Some(challenge) = &challenge
        {
            check_rounds(challenge).map_err(fail)?;
        }
        let mut ours = Vec::new();
        let state = session.step(challenge.as_deref(), &mut ours).map_err(broken)?;
        if state.has_sent_message() {
            let answer = authenticate(connection, login, ours).await?;
            lifetime = answer.session_lifetime_ms;
            challenge = Some(answer.auth_bytes);
        }
        if state.is_finished() {
            let lifetime = u64::try_from(lifetime)
                .ok()
                .filter(|milliseconds| *milliseconds > 0);
            return Ok(lifetime.map(Duration::from_millis));
        }
    }
    Err(fail(format!("the exchange did not end after {STEPS_MAX} steps")))
}

/// Agrees on the mechanism.
async fn shake_hands(connection: &mut Connection, login: &Login) -> Result<(), KafkaError> {
    // Version 0 would send the bytes of the exchange without frames that name an error.
    let version = connection.version::<SaslHandshakeRequest>(1..=1)?;
    let request =
        SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(login.mechanism.name()));
    let response = connection.request(&request, version).await?;
    let reason = match response.error_code.err() {
        None => return Ok(()),
        Some(ResponseError::UnsupportedSaslMechanism) => {
            let offered: Vec<&str> = response.mechanisms.iter().map(StrBytes::as_str).collect();
            format!(
                "it does not take that mechanism, but {}; set KAFKA_SASL_MECHANISM",
                offered.join(", ")
            )
        }
        Some(ResponseError::IllegalSaslState) => {
            "it wants no login at this port; set KAFKA_SECURITY_PROTOCOL to plaintext or ssl".to_owned()
        }
        Some(error) if error.is_retriable() => {
            return Err(KafkaError::Refused {
                broker: connection.broker().to_string(),
                api: "SaslHandshake",
                error,
            });
        }
        Some(error) => error.to_string(),
    };
    Err(refusal(connection.broker().to_string(), login, reason))
}

/// What a broker answers to a step that it takes.
struct Answer {
    auth_bytes: Bytes,
    session_lifetime_ms: i64,
}

async fn authenticate(
    connection: &mut Connection,
    login: &Login,
    ours: Vec<u8>,
) -> Result<Answer, KafkaError> {
    let version = connection.version::<SaslAuthenticateRequest>(0..=2)?;
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(ours));
    let response = connection.request(&request, version).await?;
    match response.error_code.err() {
        None => Ok(Answer {
            auth_bytes: response.auth_bytes,
            session_lifetime_ms: response.session_lifetime_ms,
        }),
        Some(error) => {
            let reason = match response.error_message {
                Some(message) if !message.is_empty() => message.to_string(),
                _ => error.to_string(),
            };
            Err(refusal(connection.broker().to_string(), login, reason))
        }
    }
}

fn refusal(broker: String, login: &Login, reason: String) -> KafkaError {
    KafkaError::Login {
        broker,
        mechanism: login.mechanism.name(),
        user: login.user.clone(),
        // A broker knows the password where it is sent, and could say it again.
        reason: login.password.kept_out_of(reason),
    }
}

fn said(error: SessionError) -> String {
    match error {
        SessionError::MutualAuthenticationFailed => {
            "it did not prove that it knows the password, so it is not the broker that it says it is"
                .to_owned()
        }
        error => error.to_string(),
    }
}

/// A broker that asks for too few rounds could learn the password from the proof, one that asks for too many would keep
/// us busy for ever.
fn check_rounds(challenge: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(challenge);
    let Some(rounds) = text.split(',').find_map(|part| part.strip_prefix("i=")) else {
        return Ok(());
    };
    match rounds.parse::<u32>() {
        Ok(rounds) if ROUNDS.contains(&rounds) => Ok(()),
        _ => Err(format!(
            "it asks for {rounds:.12} rounds of hashing, {} to {} are allowed",
            ROUNDS.start(),
            ROUNDS.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_hashing_are_bounded() {
        for good in [
            "r=abc,s=c2FsdA==,i=4096",
            "r=a,s=b,i=100000",
            "v=c2lnbmF0dXJl",
            "e=other-error",
        ] {
            assert_eq!(check_rounds(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["r=a,s=b,i=1", "r=a,s=b,i=4095", "r=a,s=b,i=100001", "r=a,s=b,i=x"] {
            assert!(check_rounds(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
