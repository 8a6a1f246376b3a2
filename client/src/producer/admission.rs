//! Whether a tenant may send now: the place of rate limits.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// Decides about messages before they are encoded.
#[async_trait]
pub trait Admission: fmt::Debug + Send + Sync {
    /// Decides at once, for code that must not wait.
    ///
    /// # Errors
    /// The tenant may not send so many messages now.
    fn try_admit(&self, tenant: &str, messages: u32) -> Result<(), Refusal>;

    /// Decides, and may wait for an answer or for the tenant's turn.
    ///
    /// # Errors
    /// The tenant may not send so many messages now.
    async fn admit(&self, tenant: &str, messages: u32) -> Result<(), Refusal> {
        self.try_admit(tenant, messages)
    }
}

/// A tenant may not send now.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Rate limit exceeded for tenant: {tenant}")]
pub struct Refusal {
    /// The tenant of the message.
    pub tenant: String,
    /// When to try again, where that is known.
    pub retry_after: Option<Duration>,
}
