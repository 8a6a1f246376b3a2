//! TLS and logins against the in-process broker, whose side of both shares no code with ours.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pkcs8::pkcs5::pbes2;
use pkcs8::{LineEnding, PrivateKeyInfo};
use quipu_broker::{ApiKey, Broker, BrokerLogin, BrokerOptions, BrokerSecurity, BrokerTls, TopicOptions};
use quipu_kafka::address::BrokerAddress;
use quipu_kafka::metadata::MetadataClient;
use quipu_kafka::security::{ClientIdentity, Login, Mechanism, Secret, Security, Tls, TlsSettings};
use quipu_kafka::topics::{Creation, TopicAdmin, TopicProfile};
use quipu_kafka::{ConnectOptions, Connection, KafkaEnv, KafkaError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

const PASSWORD: &str = "hunter2-is-secret";
const KEY_PASSWORD: &str = "opens-the-key";

/// An authority with a server and a client certificate, as files.
struct Authority {
    folder: TempDir,
    tls: BrokerTls,
}

impl Authority {
    /// Whose server certificate names these hosts.
    fn naming(hosts: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let signed = |hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(hosts)
                .unwrap()
                .signed_by(&key, &ca)
                .unwrap();
            (certificate.pem(), key)
        };
        let (server, server_key) = signed(hosts);
        let (client, client_key) = signed(&["client"]);
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
            tls: BrokerTls {
                certificates: server,
                key: server_key.serialize_pem(),
                client_ca: None,
            },
        };
        authority.write("ca.pem", &ca.pem());
        authority.write("client.pem", &client);
        authority.write("client.key", &client_key.serialize_pem());
        authority.write("encrypted.key", &encrypted(&client_key));
        authority
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn trusted(&self) -> TlsSettings {
        TlsSettings {
            ca: Some(self.path("ca.pem")),
            ..TlsSettings::default()
        }
    }

    fn identity(&self, key: &str, key_password: Option<&str>) -> ClientIdentity {
        ClientIdentity {
            certificates: self.path("client.pem"),
            key: self.path(key),
            key_password: key_password.map(Secret::new),
        }
    }

    /// The broker's side, which wants clients of this authority.
    fn demanding(&self) -> BrokerTls {
        BrokerTls {
            client_ca: Some(std::fs::read_to_string(self.path("ca.pem")).unwrap()),
            ..self.tls.clone()
        }
    }
}

/// Puts the files of one authority in the place of those of another, as whoever renews certificates does.
fn exchange(names: &[&str], from: &Authority, to: &Authority) {
    for name in names {
        let new = to.path("new");
        std::fs::copy(from.path(name), &new).unwrap();
        std::fs::rename(&new, to.path(name)).unwrap();
    }
}

fn encrypted(key: &KeyPair) -> String {
    let der = key.serialize_der();
    let params = pbes2::Parameters::pbkdf2_sha256_aes256cbc(2_048, b"some salt", &[7; 16]).unwrap();
    PrivateKeyInfo::try_from(&der[..])
        .unwrap()
        .encrypt_with_params(params, KEY_PASSWORD)
        .unwrap()
        .to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
        .unwrap()
        .to_string()
}

async fn started(security: BrokerSecurity) -> (Broker, BrokerAddress) {
    let options = BrokerOptions {
        security,
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options).await.unwrap();
    broker.create_topic("t", TopicOptions::partitions(3)).unwrap();
    let address = broker.address().parse().unwrap();
    (broker, address)
}

async fn encrypted_broker(tls: BrokerTls) -> (Broker, BrokerAddress) {
    started(BrokerSecurity {
        tls: Some(tls),
        ..BrokerSecurity::default()
    })
    .await
}

fn with_users() -> BrokerSecurity {
    BrokerSecurity {
        logins: vec![
            BrokerLogin::new("other", "other"),
            BrokerLogin::new("a=li,ce", PASSWORD),
        ],
        ..BrokerSecurity::default()
    }
}

fn login(mechanism: Mechanism, user: &str, password: &str) -> Security {
    Security {
        tls: None,
        login: Some(Login {
            mechanism,
            user: user.to_owned(),
            password: Secret::new(password),
        }),
    }
}

fn encrypting(settings: TlsSettings) -> Security {
    Security {
        tls: Some(Tls::new(settings).unwrap()),
        login: None,
    }
}

fn options(security: Security) -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_secs(20),
        security,
        ..ConnectOptions::default()
    }
}

/// Counts the partitions of topic t.
async fn ask(address: &BrokerAddress, security: Security) -> Result<usize, KafkaError> {
    let options = Arc::new(options(security));
    let shown = format!("{options:?}");
    assert!(
        !shown.contains(PASSWORD) && !shown.contains(KEY_PASSWORD),
        "{shown}"
    );
    let mut metadata = MetadataClient::new(vec![address.clone()], options);
    let view = metadata.view(&["t".into()]).await.map_err(|error| {
        let (text, debug) = (error.to_string(), format!("{error:?}"));
        assert!(
            !text.contains(PASSWORD) && !debug.contains(PASSWORD),
            "{text} {debug}"
        );
        error
    })?;
    Ok(view.topics[0].partitions.len())
}

/// The error of a broker, without the list around it.
async fn refusal(address: &BrokerAddress, security: Security) -> KafkaError {
    match ask(address, security).await.unwrap_err() {
        KafkaError::NoBroker { last, .. } => *last,
        error => error,
    }
}

const MECHANISMS: [Mechanism; 3] = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512];

#[tokio::test]
async fn a_trusted_broker_is_spoken_to_in_tls() {
    let authority = Authority::naming(&["127.0.0.1"]);
    let (broker, address) = encrypted_broker(authority.tls.clone()).await;
    assert_eq!(ask(&address, encrypting(authority.trusted())).await.unwrap(), 3);
    assert!(broker.requests_total() > 0);
}

#[tokio::test]
async fn a_broker_of_another_authority_is_not_trusted() {
    let authority = Authority::naming(&["127.0.0.1"]);
    let stranger = Authority::naming(&["127.0.0.1"]);
    let (broker, address) = encrypted_broker(authority.tls.clone()).await;
    for check_host_name in [true, false] {
        let settings = TlsSettings {
            check_host_name,
            ..stranger.trusted()
        };
        let error = refusal(&address, encrypting(settings)).await;
        assert!(matches!(error, KafkaError::Tls { .. }), "{error:?}");
        assert!(error.to_string().contains("KAFKA_SSL_CA_LOCATION"), "{error}");
        assert!(!error.is_transient());
    }
    assert_eq!(broker.requests_total(), 0);
}

#[tokio::test]
async fn certificates_can_be_exchanged_while_a_client_lives() {
    let (old, new) = (
        Authority::naming(&["127.0.0.1"]),
        Authority::naming(&["127.0.0.1"]),
    );
    let (_old_broker, old_address) = encrypted_broker(old.demanding()).await;
    let (_new_broker, new_address) = encrypted_broker(new.demanding()).await;
    let files = tempfile::tempdir().unwrap();
    let mut client = Authority::naming(&["127.0.0.1"]);
    client.folder = files;
    exchange(&["ca.pem", "client.pem", "client.key"], &old, &client);
    let security = encrypting(TlsSettings {
        identity: Some(client.identity("client.key", None)),
        ..client.trusted()
    });
    assert_eq!(ask(&old_address, security.clone()).await.unwrap(), 3);
    let error = refusal(&new_address, security.clone()).await;
    assert!(matches!(error, KafkaError::Tls { .. }), "{error:?}");

    // Half of an exchange, a file that is being written, and one that is gone: what was known before goes on.
    exchange(&["client.pem"], &new, &client);
    assert_eq!(ask(&old_address, security.clone()).await.unwrap(), 3);
    client.write("client.key", "-----BEGIN PRIV");
    assert_eq!(ask(&old_address, security.clone()).await.unwrap(), 3);
    std::fs::remove_file(client.path("ca.pem")).unwrap();
    assert_eq!(ask(&old_address, security.clone()).await.unwrap(), 3);

    exchange(&["ca.pem", "client.key"], &new, &client);
    assert_eq!(ask(&new_address, security.clone()).await.unwrap(), 3);
    let error = refusal(&old_address, security).await;
    assert!(matches!(error, KafkaError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_unless_names_are_not_checked() {
    let authority = Authority::naming(&["kafka.example"]);
    let (_broker, address) = encrypted_broker(authority.tls.clone()).await;
    let error = refusal(&address, encrypting(authority.trusted())).await;
    assert!(matches!(error, KafkaError::Tls { .. }), "{error:?}");
    assert!(
        error.to_string().contains("KAFKA_SSL_ENDPOINT_ALGORITHM=none") && !error.is_transient(),
        "{error}"
    );
    let unchecked = TlsSettings {
        check_host_name: false,
        ..authority.trusted()
    };
    assert_eq!(ask(&address, encrypting(unchecked)).await.unwrap(), 3);
}

#[tokio::test]
async fn a_broker_that_asks_for_a_client_certificate_gets_it_or_refuses() {
    let authority = Authority::naming(&["127.0.0.1"]);
    let (broker, address) = encrypted_broker(authority.demanding()).await;
    let error = refusal(&address, encrypting(authority.trusted())).await;
    assert!(matches!(error, KafkaError::Tls { .. }), "{error:?}");
    assert!(
        error.to_string().contains("KAFKA_SSL_CERTIFICATE_LOCATION") && !error.is_transient(),
        "{error}"
    );
    assert_eq!(broker.requests_total(), 0);

    let stranger = Authority::naming(&["127.0.0.1"]);
    let showing = |identity| TlsSettings {
        identity: Some(identity),
        ..authority.trusted()
    };
    let error = refusal(
        &address,
        encrypting(showing(stranger.identity("client.key", None))),
    )
    .await;
    assert!(matches!(error, KafkaError::Tls { .. }), "{error:?}");
    for identity in [
        authority.identity("client.key", None),
        authority.identity("encrypted.key", Some(KEY_PASSWORD)),
    ] {
        assert_eq!(ask(&address, encrypting(showing(identity))).await.unwrap(), 3);
    }
}

#[test]
fn files_that_cannot_be_used_are_named_and_no_password_is_shown() {
    let authority = Authority::naming(&["127.0.0.1"]);
    let stranger = Authority::naming(&["127.0.0.1"]);
    authority.write("empty.pem", "nothing");
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n-----END RSA PRIVATE KEY-----\n";
    authority.write("old.key", old);
    let with_key = |name: &str, password| authority.identity(name, password);
    let foreign = ClientIdentity {
        key: stranger.path("client.key"),
        ..with_key("client.key", None)
    };
    let cases = [
        (with_key("encrypted.key", None), "set KAFKA_SSL_KEY_PASSWORD"),
        (
            with_key("encrypted.key", Some("wrong-secret")),
            "does not open it",
        ),
        (with_key("client.pem", None), "no private key"),
        (with_key("old.key", Some("wrong-secret")), "openssl pkcs8 -topk8"),
        (with_key("missing.key", None), "cannot be read"),
        (foreign, "KAFKA_SSL_KEY_LOCATION"),
    ];
    for (identity, says) in cases {
        let settings = TlsSettings {
            identity: Some(identity),
            ..authority.trusted()
        };
        let error = Tls::new(settings).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            matches!(error, KafkaError::SecurityFile { .. }) && text.contains(says),
            "{text}"
        );
        assert!(!text.contains("wrong-secret"), "{text}");
    }
    let settings = TlsSettings {
        ca: Some(authority.path("empty.pem")),
        ..TlsSettings::default()
    };
    let error = Tls::new(settings).unwrap_err().to_string();
    assert!(
        error.contains("empty.pem") && error.contains("no certificate"),
        "{error}"
    );
}

#[tokio::test]
async fn each_mechanism_logs_in_and_refuses_a_wrong_password() {
    let (broker, address) = started(with_users()).await;
    for mechanism in MECHANISMS {
        assert_eq!(
            ask(&address, login(mechanism, "a=li,ce", PASSWORD))
                .await
                .unwrap(),
            3,
            "{mechanism}"
        );
        let served = broker.requests(ApiKey::Metadata);
        for (user, password) in [("a=li,ce", "wrong"), ("other", PASSWORD), ("nobody", PASSWORD)] {
            let error = refusal(&address, login(mechanism, user, password)).await;
            let text = error.to_string();
            assert!(
                matches!(&error, KafkaError::Login { mechanism: by, user: who, .. } if *by == mechanism.name() && who == user),
                "{error:?}"
            );
            assert!(
                text.contains(&address.to_string()) && !text.contains("wrong"),
                "{text}"
            );
            assert!(!error.is_transient());
        }
        assert_eq!(broker.requests(ApiKey::Metadata), served, "{mechanism}");
    }
}

#[tokio::test]
async fn a_login_works_inside_of_tls() {
    let authority = Authority::naming(&["127.0.0.1"]);
    let security = BrokerSecurity {
        tls: Some(authority.tls.clone()),
        ..with_users()
    };
    let (_broker, address) = started(security).await;
    let env = KafkaEnv::from_lookup(|name| {
        let value = match name {
            "KAFKA_BROKERS" => address.to_string(),
            "KAFKA_SECURITY_PROTOCOL" => "SASL_SSL".to_owned(),
            "KAFKA_SASL_MECHANISM" => "SCRAM-SHA-512".to_owned(),
            "KAFKA_SASL_USERNAME" => "a=li,ce".to_owned(),
            "KAFKA_SASL_PASSWORD" => PASSWORD.to_owned(),
            "KAFKA_SSL_CA_LOCATION" => authority.path("ca.pem").display().to_string(),
            _ => return None,
        };
        Some(value)
    })
    .unwrap();
    assert!(!format!("{env:?}").contains(PASSWORD));
    let admin = TopicAdmin::new(env.brokers.clone(), env.options().connect);
    let settings = TopicProfile::Default.settings();
    assert_eq!(admin.create("new", &settings).await.unwrap(), Creation::Created);
    assert_eq!(
        admin.create("new", &settings).await.unwrap(),
        Creation::ExistsAlready
    );
}

#[tokio::test]
async fn a_broker_that_cannot_prove_itself_is_left() {
    let security = BrokerSecurity {
        is_impostor: true,
        ..with_users()
    };
    let (broker, address) = started(security).await;
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let error = refusal(&address, login(mechanism, "a=li,ce", PASSWORD)).await;
        assert!(
            matches!(&error, KafkaError::Login { reason, .. } if reason.contains("did not prove")),
            "{error:?}"
        );
    }
    assert_eq!(broker.requests(ApiKey::Metadata), 0);
}

#[tokio::test]
async fn protocols_that_do_not_fit_are_told_with_what_to_set() {
    let authority = Authority::naming(&["127.0.0.1"]);
    let (_encrypted, encrypted) = encrypted_broker(authority.tls.clone()).await;
    let (_users, users) = started(with_users()).await;
    let (_plain, plain) = started(BrokerSecurity::default()).await;
    for (address, security) in [
        (&encrypted, Security::default()),
        (&users, Security::default()),
        (&plain, login(Mechanism::Plain, "a=li,ce", PASSWORD)),
    ] {
        let error = refusal(address, security).await;
        assert!(error.to_string().contains("KAFKA_SECURITY_PROTOCOL"), "{error}");
    }
    let error = refusal(&plain, encrypting(authority.trusted())).await;
    assert!(
        matches!(error, KafkaError::Tls { .. } | KafkaError::Connection { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_connection_is_made_anew_before_its_login_ends() {
    let security = BrokerSecurity {
        session_lifetime: Some(Duration::from_millis(500)),
        ..with_users()
    };
    let (_broker, address) = started(security).await;
    let options = Arc::new(options(login(Mechanism::Plain, "a=li,ce", PASSWORD)));
    let connection = Connection::open(&address, Arc::clone(&options)).await.unwrap();
    assert!(connection.is_usable());
    let mut metadata = MetadataClient::new(vec![address.clone()], options);
    metadata.view(&["t".into()]).await.unwrap();
    // What is waited for is the end of the login itself.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!connection.is_usable());
    assert_eq!(metadata.view(&["t".into()]).await.unwrap().topics.len(), 1);
}

#[test]
fn the_authorities_of_the_system_are_the_default() {
    // A machine without any says what to set.
    if let Err(error) = Tls::new(TlsSettings::default()) {
        assert!(error.to_string().starts_with("KAFKA_SSL_CA_LOCATION"), "{error}");
    }
    let missing = TlsSettings {
        ca: Some(Path::new("/no/such/ca.pem").to_owned()),
        ..TlsSettings::default()
    };
    assert!(
        Tls::new(missing)
            .unwrap_err()
            .to_string()
            .contains("/no/such/ca.pem")
    );
}
