//! A limiter at the door of a producer.

use async_trait::async_trait;

use crate::producer::{Admission, Refusal};

use super::decision::Decision;
use super::limiter::RateLimiter;

/// Messages that are awaited ([`send`](crate::producer::Producer::send), [`submit`](crate::producer::Producer::submit)) ask as
/// [`RateLimiter::check`] does, those that are handed over at once as [`RateLimiter::check_now`].
#[async_trait]
impl Admission for RateLimiter {
    fn try_admit(&self, tenant: &str, messages: u32) -> Result<(), Refusal> {
        admitted(tenant, self.check_now(tenant, messages))
    }

    async fn admit(&self, tenant: &str, messages: u32) -> Result<(), Refusal> {
        admitted(tenant, self.check(tenant, messages).await)
    }
}

fn admitted(tenant: &str, decision: Decision) -> Result<(), Refusal> {
    let retry_after = match decision {
        Decision::Allowed => return Ok(()),
        Decision::Limited { retry_after } => retry_after,
        Decision::Unavailable => None,
    };
    Err(Refusal {
        tenant: tenant.to_owned(),
        retry_after,
    })
}
