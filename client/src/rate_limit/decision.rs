//! What a limiter says.

use std::time::Duration;

use thiserror::Error;

/// May messages be sent now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Yes, and their tokens are taken.
    Allowed,
    /// No. Nothing was taken.
    Limited {
        /// When they may, if nobody else sends till then. None: never under this limit, since they are more than its
        /// burst, or its rate is 0.
        retry_after: Option<Duration>,
    },
    /// Redis is away, and the outage policy does not let them pass: it is [`OnOutage::Closed`](super::OnOutage::Closed),
    /// or they are more than the burst of this process's share. Nothing was taken.
    Unavailable,
}

/// Messages were refused. They are the caller's still: nothing was taken and nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Rate limit exceeded for tenant: {} ({cost} messages: {reason})", .tenant.escape_debug())]
#[non_exhaustive]
pub struct RateLimited {
    /// Whose they are.
    pub tenant: String,
    /// How many they are.
    pub cost: u32,
    /// Why they may not be sent.
    pub reason: Reason,
}

/// Why messages were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The tenant has sent as much as it may.
    #[error("allowed in {} ms", .retry_after.as_millis())]
    Spent {
        /// When they may be sent, if nobody else sends till then.
        retry_after: Duration,
    },
    /// They could be sent after the deadline only.
    #[error("allowed in {} ms, which is after the deadline in {} ms", .needed.as_millis(), .left.as_millis())]
    Deadline {
        /// When they may be sent.
        needed: Duration,
        /// The time that was left.
        left: Duration,
    },
    /// More than the burst, or the rate is 0.
    #[error(
        "never under this limit, whose burst is smaller or whose rate is 0: raise it, or send smaller batches"
    )]
    Never,
    /// Redis is away.
    #[error("Redis is away, and the outage policy does not let them pass")]
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_tenant_and_what_to_do() {
        let limited = |reason| RateLimited {
            tenant: "acme\n".into(),
            cost: 3,
            reason,
        };
        let spent = limited(Reason::Spent {
            retry_after: Duration::from_millis(20),
        });
        assert_eq!(
            spent.to_string(),
            r"Rate limit exceeded for tenant: acme\n (3 messages: allowed in 20 ms)"
        );
        let deadline = limited(Reason::Deadline {
            needed: Duration::from_millis(20),
            left: Duration::from_millis(7),
        });
        assert!(
            deadline.to_string().ends_with("after the deadline in 7 ms)"),
            "{deadline}"
        );
    }
}
