//! How much each tenant may send: token buckets in this process, or in Redis for all producers together.
//!
//! ```no_run
//! use quipu_client::rate_limit::{RateLimit, RateLimiter, cost_of, tenant_of};
//! # async fn send(message: quipu_proto::message::DashStreamMessage) -> Result<(), Box<dyn std::error::Error>> {
//! let limit = RateLimit { messages_per_second: 100.0, burst_capacity: 1000 };
//! let limiter = RateLimiter::new(limit, Some("redis://localhost:6379")).await?;
//! limiter.limit(tenant_of(&message), cost_of(&message)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What is promised, the keys in Redis and what happens without it: `docs/rate-limits.md`.

mod admission;
mod ask;
mod bucket;
mod circuit;
mod cost;
mod counts;
mod decision;
mod error;
mod key;
mod label;
mod limit;
mod limiter;
mod memory;
mod metrics;
mod policy;
mod probe;
mod redis;
mod script;

pub use cost::{cost_of, tenant_of};
pub use decision::{Decision, RateLimited, Reason};
pub use error::RateLimitError;
pub use limit::RateLimit;
pub use limiter::RateLimiter;
pub use memory::MemoryOptions;
pub use metrics::{Latency, OperationMetrics, RateLimitMetrics, RedisMetrics, TenantCounts};
pub use policy::{OnOutage, RedisOptions};
