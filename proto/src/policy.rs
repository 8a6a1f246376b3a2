//! How much a reader forgives.

use std::fmt;
use std::str::FromStr;

/// What a decoder accepts. All three accept every framed payload of schema version 1 with a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Framed payloads only; a header on every message and every event of a batch; schema version 1.
    Strict,
    /// Also unframed protobuf, bare zstd and messages without a header.
    #[default]
    Compatible,
    /// As [`Policy::Compatible`], and also newer schema versions.
    Forward,
}

impl Policy {
    /// Every policy, from the narrowest to the widest.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Compatible, Self::Forward];

    /// The name of the policy, as on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Compatible => "compatible",
            Self::Forward => "forward",
        }
    }

    pub(crate) fn accepts_unframed(self) -> bool {
        self != Self::Strict
    }

    pub(crate) fn requires_header(self) -> bool {
        self == Self::Strict
    }

    pub(crate) fn accepts_version(self, version: u32) -> bool {
        // Version 0 is read as 1: a producer that leaves the field out writes version 1.
        version <= SCHEMA_VERSION || self == Self::Forward
    }
}

/// The schema version this crate was written for.
pub const SCHEMA_VERSION: u32 = 1;

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of the three policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown decode policy {0:?}: use strict, compatible or forward")]
pub struct UnknownPolicy(pub String);

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.as_str() == name)
            .ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_policy_is_read_by_its_name_and_no_other_is() {
        for (index, policy) in Policy::ALL.into_iter().enumerate() {
            assert_eq!(
                policy as usize, index,
                "dead letters name policies by this number"
            );
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        let error = "lenient".parse::<Policy>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown decode policy \"lenient\": use strict, compatible or forward"
        );
    }

    #[test]
    fn each_policy_accepts_what_the_one_before_does() {
        for version in 0..4 {
            let accepts = Policy::ALL.map(|policy| policy.accepts_version(version));
            assert!(accepts.is_sorted(), "version {version}");
        }
        assert!(Policy::Strict.accepts_version(0), "0 is read as 1");
        assert!(Policy::Forward.accepts_version(u32::MAX));
    }
}
