//! TLS and logins against Apache Kafka, as `tests/kafka/start --secured` starts it. Where there is none the tests say so
//! and pass, unless `QUIPU_REQUIRE_KAFKA` is set.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::collections::HashMap;

use quipu_kafka::topics::{Creation, TopicAdmin, TopicProfile};
use quipu_kafka::{KafkaEnv, KafkaError};

/// The variable that forbids to skip these tests.
const REQUIRED: &str = "QUIPU_REQUIRE_KAFKA";
const PLAIN: &str = "KAFKA_SASL_MECHANISM=PLAIN";

/// What the test of one way of connecting is given: the variables of the environment that users set.
fn given(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    if value.is_none() {
        let required = std::env::var_os(REQUIRED).is_some_and(|value| value != "0");
        assert!(!required, "{REQUIRED} is set, but {name} is not");
        eprintln!("skipped: {name} is not set; start a node with tests/kafka/start --secured");
    }
    value
}

/// An administrator over a connection as these variables want it; each is `NAME=value`.
fn admin(brokers: &str, variables: &[String]) -> Result<TopicAdmin, KafkaError> {
    let variables: HashMap<&str, &str> = variables
        .iter()
        .map(|variable| variable.split_once('=').unwrap())
        .collect();
    let env = KafkaEnv::from_lookup(|name| match name {
        "KAFKA_BROKERS" => Some(brokers.to_owned()),
        name => variables.get(name).map(ToString::to_string),
    })?;
    let options = env.options();
    Ok(TopicAdmin::new(env.brokers, options.connect))
}

/// Creates a topic, finds it, and deletes it.
async fn works(brokers: &str, variables: &[String]) {
    let admin = admin(brokers, variables).unwrap();
    let topic = format!("secured-{}", uuid::Uuid::from_u128(rand_number()));
    let settings = TopicProfile::Dev.settings();
    assert_eq!(admin.create(&topic, &settings).await.unwrap(), Creation::Created);
    assert_eq!(
        admin.create(&topic, &settings).await.unwrap(),
        Creation::ExistsAlready
    );
    // The broker learns of it from the controller, a moment later.
    let mut found = false;
    for _ in 0..100 {
        let listed = admin.list().await.unwrap();
        found = listed
            .iter()
            .any(|known| known.name == topic && known.partitions == 3);
        if found {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(found, "{topic} is not listed");
    admin.delete(&topic).await.unwrap();
}

async fn refusal(brokers: &str, variables: &[String]) -> KafkaError {
    match admin(brokers, variables).unwrap().list().await.unwrap_err() {
        KafkaError::NoBroker { last, .. } => *last,
        error => error,
    }
}

fn rand_number() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    u128::from_le_bytes(bytes)
}

fn ssl(ca: &str) -> Vec<String> {
    vec![
        "KAFKA_SECURITY_PROTOCOL=ssl".to_owned(),
        format!("KAFKA_SSL_CA_LOCATION={ca}"),
    ]
}

#[tokio::test]
async fn tls_works_and_wants_to_know_the_authority() {
    let (Some(brokers), Some(ca)) = (given("KAFKA_SSL_BROKERS"), given("KAFKA_TEST_CA")) else {
        return;
    };
    works(&brokers, &ssl(&ca)).await;
    // The certificate names both.
    works(&brokers.replace("127.0.0.1", "localhost"), &ssl(&ca)).await;
    let foreign = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), foreign.cert.pem()).unwrap();
    let error = refusal(&brokers, &ssl(file.path().to_str().unwrap())).await;
    assert!(matches!(error, KafkaError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_client_certificate_is_taken_with_its_key_in_every_wrapping() {
    let (Some(brokers), Some(ca)) = (given("KAFKA_MTLS_BROKERS"), given("KAFKA_TEST_CA")) else {
        return;
    };
    let (Some(certificate), Some(keys)) = (given("KAFKA_TEST_CERTIFICATE"), given("KAFKA_TEST_KEYS")) else {
        return;
    };
    let (Some(ec_certificate), Some(ec_key)) =
        (given("KAFKA_TEST_EC_CERTIFICATE"), given("KAFKA_TEST_EC_KEY"))
    else {
        return;
    };
    let Some(password) = given("KAFKA_TEST_KEY_PASSWORD") else {
        return;
    };
    let error = refusal(&brokers, &ssl(&ca)).await;
    assert!(
        matches!(error, KafkaError::Tls { .. }) && !error.is_transient(),
        "{error:?}"
    );
    let mut pairs: Vec<(&str, &str)> = keys.split(',').map(|key| (certificate.as_str(), key)).collect();
    pairs.push((&ec_certificate, &ec_key));
    assert_eq!(pairs.len(), 5);
    for (certificate, key) in pairs {
        let mut variables = ssl(&ca);
        variables.push(format!("KAFKA_SSL_CERTIFICATE_LOCATION={certificate}"));
        variables.push(format!("KAFKA_SSL_KEY_LOCATION={key}"));
        variables.push(format!("KAFKA_SSL_KEY_PASSWORD={password}"));
        works(&brokers, &variables).await;
    }
}

#[tokio::test]
async fn every_mechanism_logs_in_with_tls_and_without() {
    let (Some(user), Some(password)) = (given("KAFKA_TEST_USER"), given("KAFKA_TEST_PASSWORD")) else {
        return;
    };
    let (Some(plain), Some(encrypted)) = (
        given("KAFKA_SASL_PLAINTEXT_BROKERS"),
        given("KAFKA_SASL_SSL_BROKERS"),
    ) else {
        return;
    };
    let Some(ca) = given("KAFKA_TEST_CA") else { return };
    for (brokers, protocol) in [(&plain, "sasl_plaintext"), (&encrypted, "SASL_SSL")] {
        for mechanism in [
            PLAIN,
            "KAFKA_SASL_MECHANISM=SCRAM-SHA-256",
            "KAFKA_SASL_MECHANISM=SCRAM-SHA-512",
        ] {
            let with = |password: &str| {
                let mut variables = vec![
                    format!("KAFKA_SECURITY_PROTOCOL={protocol}"),
                    mechanism.to_owned(),
                    format!("KAFKA_SASL_USERNAME={user}"),
                    format!("KAFKA_SASL_PASSWORD={password}"),
                ];
                if protocol == "SASL_SSL" {
                    variables.push(format!("KAFKA_SSL_CA_LOCATION={ca}"));
                }
                variables
            };
            works(brokers, &with(&password)).await;
            let error = refusal(brokers, &with("not-the-password")).await;
            assert!(
                matches!(&error, KafkaError::Login { user: who, .. } if *who == user),
                "{protocol} {mechanism}: {error:?}"
            );
            assert!(!error.to_string().contains("not-the-password"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_protocol_that_the_listener_does_not_speak_is_told_with_what_to_set() {
    let (Some(brokers), Some(secured)) = (given("KAFKA_BROKERS"), given("KAFKA_SASL_PLAINTEXT_BROKERS"))
    else {
        return;
    };
    let login = [
        "KAFKA_SASL_USERNAME=u",
        "KAFKA_SASL_PASSWORD=p",
        PLAIN,
        "KAFKA_SECURITY_PROTOCOL=sasl_plaintext",
    ];
    let error = refusal(&brokers, &login.map(str::to_owned)).await;
    assert!(matches!(error, KafkaError::Login { .. }), "{error:?}");
    assert!(error.to_string().contains("KAFKA_SECURITY_PROTOCOL"), "{error}");
    let error = refusal(&secured, &[]).await;
    assert!(error.to_string().contains("KAFKA_SECURITY_PROTOCOL"), "{error}");
    let Some(ssl) = given("KAFKA_SSL_BROKERS") else {
        return;
    };
    let error = refusal(&ssl, &[]).await;
    assert!(error.to_string().contains("KAFKA_SECURITY_PROTOCOL"), "{error}");
}
