//! Where a broker listens.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::error::KafkaError;

/// Port of a broker named without one.
const DEFAULT_PORT: u16 = 9092;

/// Host and port of a broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerAddress {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl BrokerAddress {
    /// Reads a comma-separated list; blanks and empty entries are left out.
    ///
    /// # Errors
    /// An entry that is no address, or a list without one.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, KafkaError> {
        let brokers: Vec<Self> = list
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(Self::from_str)
            .collect::<Result<_, _>>()?;
        if brokers.is_empty() {
            return Err(bad(list, "name at least one broker as host:port"));
        }
        Ok(brokers)
    }
}

fn bad(value: &str, reason: &'static str) -> KafkaError {
    KafkaError::Setting {
        setting: "broker address",
        value: value.to_owned(),
        reason,
    }
}

impl FromStr for BrokerAddress {
    type Err = KafkaError;

    /// `host`, `host:port`, `[v6 address]:port`; the port is 9092 if there is none.
    fn from_str(text: &str) -> Result<Self, KafkaError> {
        if text.contains("://") || text.contains('@') {
            return Err(bad(text, "write host:port, without a scheme or a login"));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest
                    .split_once(']')
                    .ok_or_else(|| bad(text, "the bracket is not closed"))?;
                (host, port.strip_prefix(':'))
            }
            None => match text.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => {
                    return Err(bad(text, "write an IPv6 address in brackets, as [::1]:9092"));
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(bad(text, "the host is missing or has blanks in it"));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(bad(text, "the port is not a number from 1 to 65535")),
            },
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Which addresses of a broker's name are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All, in the order of the resolver.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl AddressFamily {
    /// What is tried unless something else is asked for: IPv4 where one of the brokers is this machine, as brokers in
    /// containers seldom listen on the IPv6 address that `localhost` has too; else all.
    #[must_use]
    pub fn automatic(brokers: &[BrokerAddress]) -> Self {
        let is_here = |broker: &BrokerAddress| {
            broker.host.eq_ignore_ascii_case("localhost") || broker.host.starts_with("127.")
        };
        if brokers.iter().any(is_here) {
            Self::V4
        } else {
            Self::Any
        }
    }

    pub(super) fn admits(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }

    pub(super) fn note(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::V4 => " of family v4",
            Self::V6 => " of family v6",
        }
    }
}

impl FromStr for AddressFamily {
    type Err = KafkaError;

    /// `any`, `v4` or `v6`, in any case.
    fn from_str(text: &str) -> Result<Self, KafkaError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "any" => Ok(Self::Any),
            "v4" => Ok(Self::V4),
            "v6" => Ok(Self::V6),
            _ => Err(KafkaError::Setting {
                setting: "KAFKA_BROKER_ADDRESS_FAMILY",
                value: text.to_owned(),
                reason: "use any, v4 or v6",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_read_as_written() {
        for (text, host, port) in [
            ("kafka:1234", "kafka", 1234),
            ("kafka", "kafka", 9092),
            ("[::1]:9", "::1", 9),
            ("[::1]", "::1", 9092),
        ] {
            assert_eq!(
                text.parse::<BrokerAddress>().unwrap(),
                BrokerAddress {
                    host: host.to_owned(),
                    port
                }
            );
        }
        assert_eq!(BrokerAddress::parse_list(" a:1, ,b:2,").unwrap().len(), 2);
    }

    #[test]
    fn this_machine_is_reached_by_v4() {
        for (brokers, family) in [
            ("localhost", AddressFamily::V4),
            ("kafka:1,LOCALHOST:2", AddressFamily::V4),
            ("127.0.0.1:9092", AddressFamily::V4),
            ("kafka,localhost.example", AddressFamily::Any),
            ("[::1]", AddressFamily::Any),
        ] {
            let brokers = BrokerAddress::parse_list(brokers).unwrap();
            assert_eq!(AddressFamily::automatic(&brokers), family, "{brokers:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":9092",
            "kafka:",
            "kafka:0",
            "kafka:99999",
            "::1:9092",
            "[::1",
            "PLAINTEXT://a:1",
            "a b:1",
            "u@a:1",
        ] {
            assert!(text.parse::<BrokerAddress>().is_err(), "{text}");
        }
        assert!(BrokerAddress::parse_list(" , ").is_err());
    }
}
