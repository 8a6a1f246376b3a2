//! The environment variables that every command which talks to Kafka honours.

use std::ffi::OsString;
use std::time::Duration;

use crate::address::{AddressFamily, BrokerAddress};
use crate::error::KafkaError;
use crate::options::{KafkaOptions, Reset};
use crate::security::Security;

mod security;

/// Broker list where neither KAFKA_BROKERS nor KAFKA_BOOTSTRAP_SERVERS is set.
pub const DEFAULT_BROKERS: &str = "localhost:9092";
/// Tenant where KAFKA_TENANT_ID is not set.
pub const DEFAULT_TENANT: &str = "default";
/// Time limit where KAFKA_OPERATION_TIMEOUT_SECS or KAFKA_METADATA_TIMEOUT_SECS is not set.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time limit in seconds: a day.
const TIMEOUT_SECS_MAX: u64 = 86_400;

/// What the environment says. A flag of the command line overrides the field of its name.
#[derive(Clone, Debug)]
pub struct KafkaEnv {
    /// KAFKA_BROKERS, else KAFKA_BOOTSTRAP_SERVERS, else localhost:9092.
    pub brokers: Vec<BrokerAddress>,
    /// KAFKA_TOPIC, else DASHSTREAM_TOPIC.
    pub topic: Option<String>,
    /// KAFKA_TENANT_ID: the tenant that producers name. Default [`DEFAULT_TENANT`].
    pub tenant: String,
    /// KAFKA_PARTITION: the partition that a consumer of one reads. Default 0.
    pub partition: i32,
    /// KAFKA_BROKER_ADDRESS_FAMILY, else [`AddressFamily::automatic`].
    pub address_family: AddressFamily,
    /// KAFKA_AUTO_OFFSET_RESET.
    pub reset: Reset,
    /// KAFKA_OPERATION_TIMEOUT_SECS: time to create, list or delete topics. Default 30 s.
    pub operation_timeout: Duration,
    /// KAFKA_METADATA_TIMEOUT_SECS: how long brokers are waited for at the start. Default 30 s.
    pub metadata_timeout: Duration,
    /// KAFKA_SECURITY_PROTOCOL and all of KAFKA_SASL_* and KAFKA_SSL_*. The files that they name are read already.
    pub security: Security,
}

impl KafkaEnv {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// A variable with a value that cannot be used, variables that contradict each other, or a file of certificates or
    /// keys that cannot be used.
    pub fn from_process() -> Result<Self, KafkaError> {
        Self::from_lookup(variable)
    }

    /// Reads the variables through a function, for tests and for settings kept elsewhere.
    ///
    /// # Errors
    /// As [`KafkaEnv::from_process`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, KafkaError> {
        let brokers = lookup("KAFKA_BROKERS")
            .or_else(|| lookup("KAFKA_BOOTSTRAP_SERVERS"))
            .unwrap_or_else(|| DEFAULT_BROKERS.to_owned());
        let brokers = BrokerAddress::parse_list(&brokers)?;
        let topic = lookup("KAFKA_TOPIC").or_else(|| lookup("DASHSTREAM_TOPIC"));
        let address_family = match lookup("KAFKA_BROKER_ADDRESS_FAMILY") {
            Some(family) => family.parse()?,
            None => AddressFamily::automatic(&brokers),
        };
        Ok(Self {
            brokers,
            topic: named(
                "KAFKA_TOPIC",
                topic,
                "name a topic, or unset the variable to read the default topics that exist",
            )?,
            tenant: named(
                "KAFKA_TENANT_ID",
                lookup("KAFKA_TENANT_ID"),
                "name a tenant, or unset it",
            )?
            .unwrap_or_else(|| DEFAULT_TENANT.to_owned()),
            partition: partition(&lookup)?,
            address_family,
            reset: reset(&lookup)?,
            operation_timeout: time_limit("KAFKA_OPERATION_TIMEOUT_SECS", &lookup)?,
            metadata_timeout: time_limit("KAFKA_METADATA_TIMEOUT_SECS", &lookup)?,
            security: security::read(&lookup)?,
        })
    }

    /// The options of a source as the environment wants them.
    #[must_use]
    pub fn options(&self) -> KafkaOptions {
        let mut options = KafkaOptions::new(self.brokers.clone());
        options.topics = self.topic.iter().cloned().collect();
        options.reset = self.reset;
        options.startup_timeout = self.metadata_timeout;
        options.connect.address_family = self.address_family;
        options.connect.security = self.security.clone();
        options
    }
}

/// A variable of the process. What is not UTF-8 in it becomes U+FFFD, so that it is no silent default but a value that is refused
/// where it is used: as a protocol, a file that is not there, a wrong password.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(text)
}

fn text(value: OsString) -> String {
    value.to_string_lossy().into_owned()
}

/// A name without the blanks around it; blank is an error.
fn named(
    setting: &'static str,
    value: Option<String>,
    reason: &'static str,
) -> Result<Option<String>, KafkaError> {
    match value {
        Some(value) if value.trim().is_empty() => Err(KafkaError::Setting {
            setting,
            value,
            reason,
        }),
        value => Ok(value.map(|value| value.trim().to_owned())),
    }
}

fn partition(lookup: &impl Fn(&str) -> Option<String>) -> Result<i32, KafkaError> {
    let Some(value) = lookup("KAFKA_PARTITION") else {
        return Ok(0);
    };
    match value.trim().parse() {
        Ok(partition) if partition >= 0 => Ok(partition),
        _ => Err(KafkaError::Setting {
            setting: "KAFKA_PARTITION",
            value,
            reason: "use a number from 0 to 2147483647",
        }),
    }
}

fn reset(lookup: &impl Fn(&str) -> Option<String>) -> Result<Reset, KafkaError> {
    let Some(value) = lookup("KAFKA_AUTO_OFFSET_RESET") else {
        return Ok(Reset::Earliest);
    };
    match value.trim().to_ascii_lowercase().as_str() {
        "earliest" => Ok(Reset::Earliest),
        "latest" => Ok(Reset::Latest),
        _ => Err(KafkaError::Setting {
            setting: "KAFKA_AUTO_OFFSET_RESET",
            value,
            reason: "use earliest or latest",
        }),
    }
}

fn time_limit(
    setting: &'static str,
    lookup: &impl Fn(&str) -> Option<String>,
) -> Result<Duration, KafkaError> {
    let Some(value) = lookup(setting) else {
        return Ok(DEFAULT_TIMEOUT);
    };
    match value.trim().parse() {
        Ok(seconds) if (1..=TIMEOUT_SECS_MAX).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(KafkaError::Setting {
            setting,
            value,
            reason: "use a number of seconds from 1 to 86400",
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Result<KafkaEnv, KafkaError> {
        KafkaEnv::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let env = env(&[]).unwrap();
        assert_eq!(env.brokers, BrokerAddress::parse_list("localhost:9092").unwrap());
        assert_eq!(
            (env.topic.clone(), env.address_family, env.reset),
            (None, AddressFamily::V4, Reset::Earliest)
        );
        assert_eq!((env.tenant.as_str(), env.partition), ("default", 0));
        assert_eq!(
            (env.operation_timeout, env.metadata_timeout),
            (DEFAULT_TIMEOUT, DEFAULT_TIMEOUT)
        );
        assert_eq!(env.security.protocol(), "plaintext");
    }

    #[test]
    fn the_first_of_two_names_wins() {
        let both = env(&[
            ("KAFKA_BROKERS", "a:1"),
            ("KAFKA_BOOTSTRAP_SERVERS", "b:2"),
            ("KAFKA_TOPIC", "x"),
            ("DASHSTREAM_TOPIC", "y"),
        ]);
        let both = both.unwrap();
        assert_eq!(
            (both.brokers[0].host.as_str(), both.topic.as_deref()),
            ("a", Some("x"))
        );
        let second = env(&[("KAFKA_BOOTSTRAP_SERVERS", "b:2,c:3"), ("DASHSTREAM_TOPIC", "y")]).unwrap();
        assert_eq!((second.brokers.len(), second.topic.as_deref()), (2, Some("y")));
    }

    #[test]
    fn values_that_cannot_be_used_are_refused_by_name() {
        for (name, value) in [
            ("KAFKA_BROKERS", ""),
            ("KAFKA_TOPIC", " "),
            ("KAFKA_BROKER_ADDRESS_FAMILY", "v5"),
            ("KAFKA_AUTO_OFFSET_RESET", "none"),
            ("KAFKA_TENANT_ID", ""),
            ("KAFKA_PARTITION", "-1"),
            ("KAFKA_PARTITION", "one"),
            ("KAFKA_OPERATION_TIMEOUT_SECS", "0"),
            ("KAFKA_METADATA_TIMEOUT_SECS", "18446744073709551615"),
            ("KAFKA_METADATA_TIMEOUT_SECS", "30s"),
        ] {
            let error = env(&[(name, value)]).unwrap_err();
            assert!(matches!(error, KafkaError::Setting { .. }), "{name}: {error}");
            if name != "KAFKA_BROKERS" {
                assert!(
                    error.to_string().starts_with(&format!("{name} is {value:?}: ")),
                    "{error}"
                );
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_not_taken_for_none() {
        use std::os::unix::ffi::OsStringExt as _;

        let value = text(OsString::from_vec(b"sasl_\xffssl".to_vec()));
        let error = env(&[("KAFKA_SECURITY_PROTOCOL", &value)]).unwrap_err();
        assert!(error.to_string().contains("KAFKA_SECURITY_PROTOCOL"), "{error}");
        assert_eq!(variable("QUIPU_NO_SUCH_VARIABLE"), None);
    }

    #[test]
    fn numbers_and_names_are_taken() {
        let env = env(&[
            ("KAFKA_BROKERS", "kafka:1"),
            ("KAFKA_TENANT_ID", " acme "),
            ("KAFKA_PARTITION", "7"),
            ("KAFKA_OPERATION_TIMEOUT_SECS", "5"),
            ("KAFKA_METADATA_TIMEOUT_SECS", "6"),
            ("KAFKA_BROKER_ADDRESS_FAMILY", "V6"),
        ])
        .unwrap();
        assert_eq!((env.tenant.as_str(), env.partition), ("acme", 7));
        assert_eq!(env.operation_timeout, Duration::from_secs(5));
        assert_eq!(env.options().startup_timeout, Duration::from_secs(6));
        assert_eq!(env.options().connect.address_family, AddressFamily::V6);
    }
}
