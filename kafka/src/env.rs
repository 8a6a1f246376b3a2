//! The environment variables that every command which talks to Kafka honours.

use crate::address::{AddressFamily, BrokerAddress};
use crate::error::KafkaError;
use crate::options::{KafkaOptions, Reset};

/// Broker list where neither KAFKA_BROKERS nor KAFKA_BOOTSTRAP_SERVERS is set.
pub const DEFAULT_BROKERS: &str = "localhost:9092";

/// What the environment says. A flag of the command line overrides the field of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaEnv {
    /// KAFKA_BROKERS, else KAFKA_BOOTSTRAP_SERVERS, else localhost:9092.
    pub brokers: Vec<BrokerAddress>,
    /// KAFKA_TOPIC, else DASHSTREAM_TOPIC.
    pub topic: Option<String>,
    /// KAFKA_BROKER_ADDRESS_FAMILY.
    pub address_family: AddressFamily,
    /// KAFKA_AUTO_OFFSET_RESET.
    pub reset: Reset,
}

impl KafkaEnv {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// A variable with a value that cannot be used, or that asks for an encrypted or authenticated connection.
    pub fn from_process() -> Result<Self, KafkaError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables through a function, for tests and for settings kept elsewhere.
    ///
    /// # Errors
    /// As [`KafkaEnv::from_process`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, KafkaError> {
        refuse_security(&lookup)?;
        let brokers = lookup("KAFKA_BROKERS")
            .or_else(|| lookup("KAFKA_BOOTSTRAP_SERVERS"))
            .unwrap_or_else(|| DEFAULT_BROKERS.to_owned());
        let topic = match lookup("KAFKA_TOPIC").or_else(|| lookup("DASHSTREAM_TOPIC")) {
            Some(topic) if topic.trim().is_empty() => {
                return Err(KafkaError::Setting {
                    setting: "KAFKA_TOPIC",
                    value: topic,
                    reason: "name a topic, or unset the variable to read the default topics that exist",
                });
            }
            topic => topic.map(|topic| topic.trim().to_owned()),
        };
        let address_family = match lookup("KAFKA_BROKER_ADDRESS_FAMILY") {
            Some(family) => family.parse()?,
            None => AddressFamily::Any,
        };
        let reset = match lookup("KAFKA_AUTO_OFFSET_RESET") {
            None => Reset::Earliest,
            Some(reset) => match reset.trim().to_ascii_lowercase().as_str() {
                "earliest" => Reset::Earliest,
                "latest" => Reset::Latest,
                _ => {
                    return Err(KafkaError::Setting {
                        setting: "KAFKA_AUTO_OFFSET_RESET",
                        value: reset,
                        reason: "use earliest or latest",
                    });
                }
            },
        };
        Ok(Self {
            brokers: BrokerAddress::parse_list(&brokers)?,
            topic,
            address_family,
            reset,
        })
    }

    /// The options of a source as the environment wants them.
    #[must_use]
    pub fn options(&self) -> KafkaOptions {
        let mut options = KafkaOptions::new(self.brokers.clone());
        options.topics = self.topic.iter().cloned().collect();
        options.reset = self.reset;
        options.connect.address_family = self.address_family;
        options
    }
}

/// A connection that was meant to be encrypted or authenticated must not quietly become a plain one.
fn refuse_security(lookup: &impl Fn(&str) -> Option<String>) -> Result<(), KafkaError> {
    let refused = |setting, value| Err(KafkaError::NotSupportedYet { setting, value });
    if let Some(protocol) = lookup("KAFKA_SECURITY_PROTOCOL")
        && !protocol.trim().eq_ignore_ascii_case("plaintext")
    {
        return match protocol.trim().to_ascii_lowercase().as_str() {
            "ssl" | "sasl_plaintext" | "sasl_ssl" => refused("KAFKA_SECURITY_PROTOCOL", protocol),
            _ => Err(KafkaError::Setting {
                setting: "KAFKA_SECURITY_PROTOCOL",
                value: protocol,
                reason: "the values are plaintext, ssl, sasl_plaintext and sasl_ssl, of which only plaintext works for now",
            }),
        };
    }
    if let Some(mechanism) = lookup("KAFKA_SASL_MECHANISM").filter(|mechanism| !mechanism.trim().is_empty()) {
        return refused("KAFKA_SASL_MECHANISM", mechanism);
    }
    // Values of these stay out of the message.
    for setting in ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] {
        if lookup(setting).is_some_and(|value| !value.is_empty()) {
            return refused(setting, "(set)".to_owned());
        }
    }
    for setting in [
        "KAFKA_SSL_CA_LOCATION",
        "KAFKA_SSL_CERTIFICATE_LOCATION",
        "KAFKA_SSL_KEY_LOCATION",
    ] {
        if lookup(setting).is_some_and(|value| !value.is_empty()) {
            return refused(setting, "(set)".to_owned());
        }
    }
    Ok(())
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
            (env.topic, env.address_family, env.reset),
            (None, AddressFamily::Any, Reset::Earliest)
        );
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
            ("KAFKA_SECURITY_PROTOCOL", "tls"),
        ] {
            assert!(
                matches!(env(&[(name, value)]), Err(KafkaError::Setting { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn a_secured_connection_is_refused_and_no_secret_is_shown() {
        for (name, value) in [
            ("KAFKA_SECURITY_PROTOCOL", "sasl_ssl"),
            ("KAFKA_SECURITY_PROTOCOL", "SSL"),
            ("KAFKA_SASL_MECHANISM", "PLAIN"),
            ("KAFKA_SASL_USERNAME", "hunter1"),
            ("KAFKA_SASL_PASSWORD", "hunter2"),
            ("KAFKA_SSL_KEY_LOCATION", "/hunter3"),
        ] {
            let error = env(&[(name, value)]).unwrap_err();
            assert!(error.to_string().starts_with("not supported yet: "), "{error}");
            assert!(!error.to_string().contains("hunter"), "{error}");
        }
        assert!(env(&[("KAFKA_SECURITY_PROTOCOL", "plaintext")]).is_ok());
    }
}
