//! One question to Redis: its time limit, its place in the metrics, and why it may have no answer.

use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError};
use thiserror::Error;
use tokio::time::timeout;

use super::metrics::{Meter, Operation};

/// Time to read an answer that came while this process did not run.
const UNREAD: Duration = Duration::from_millis(5);
/// One in so many failures is logged, and the first.
pub(super) const LOGGED_PART: u64 = 100;
/// What Redis begins an error with that no waiting mends.
const REFUSALS: [&str; 3] = ["NOAUTH", "WRONGPASS", "NOPERM"];

/// Why a question has no answer.
#[derive(Debug, Error)]
pub(super) enum Unanswered {
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("{0}")]
    Broken(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

impl From<RedisError> for Unanswered {
    fn from(error: RedisError) -> Self {
        let reason = error.to_string();
        if error.kind() == ErrorKind::AuthenticationFailed
            || error.code().is_some_and(|code| REFUSALS.contains(&code))
        {
            Self::Refused(reason)
        } else if error.is_unrecoverable_error() || error.is_io_error() {
            Self::Broken(reason)
        } else {
            Self::Failed(reason)
        }
    }
}

/// Asks within a time limit, and counts.
pub(super) async fn ask<T>(
    meter: &Meter,
    operation: Operation,
    limit: Duration,
    call: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T, Unanswered> {
    let began = Instant::now();
    let mut call = std::pin::pin!(call);
    let answer = match timeout(limit, &mut call).await {
        Ok(answer) => Ok(answer),
        // Where this process did not run for a while, the answer may be here and only be unread.
        Err(_) => timeout(UNREAD, call).await,
    };
    let answer = match answer {
        Ok(answer) => answer.map_err(Unanswered::from),
        Err(_) => Err(Unanswered::TimedOut(limit)),
    };
    let failed = meter.count(operation, began.elapsed(), answer.is_err());
    if let Err(reason) = &answer
        && failed % LOGGED_PART == 1
    {
        tracing::warn!(operation = operation.name(), %reason, failed, "the rate limiter's Redis failed");
    }
    answer
}
