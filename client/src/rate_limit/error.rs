//! What can go wrong with a limiter itself, as opposed to a tenant that sends too much.

use std::time::Duration;

use thiserror::Error;

/// A limiter could not be made, or a limit not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RateLimitError {
    /// The URL is none.
    // The URL may hold a password, so it is not repeated.
    #[error(
        "the URL of the rate limiter's Redis cannot be read ({reason}): write redis://[user:password@]host[:port][/database], or rediss:// for TLS"
    )]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// An option is out of its range.
    #[error("the rate limiter's option {name} is {value}: {range}")]
    Option {
        /// Name of the field.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// Redis answers, and does not let us in.
    #[error("Redis at {address} refuses the rate limiter ({reason}): check user and password in the URL")]
    Refused {
        /// Where Redis is.
        address: String,
        /// What it said.
        reason: String,
    },
    /// Redis cannot be reached, and the outage policy is `Closed`, with which nothing could be sent.
    #[error(
        "Redis at {address} cannot be reached ({reason}): start it, or choose an outage policy other than Closed to start without it"
    )]
    Unreachable {
        /// Where Redis was looked for.
        address: String,
        /// Why it cannot be reached.
        reason: String,
    },
    /// A limit could not be read or written because Redis failed.
    #[error("Redis failed to {operation} ({reason}): try again when it is back")]
    Failed {
        /// `set_limit`, `remove_limit` or `read_limit`.
        operation: &'static str,
        /// Why.
        reason: String,
    },
    /// Redis did not answer in time.
    #[error("Redis did not {operation} within {} ms: try again when it is back", .limit.as_millis())]
    TimedOut {
        /// `set_limit`, `remove_limit` or `read_limit`.
        operation: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// What stands in Redis for a tenant is not a limit.
    #[error(
        "the limit of tenant {} in the hash {hash} is {value:?}, not \"<messages a second> <burst>\": set or remove it",
        .tenant.escape_debug()
    )]
    Damaged {
        /// The tenant.
        tenant: String,
        /// The hash that holds the limits.
        hash: String,
        /// What stands there.
        value: String,
    },
}
