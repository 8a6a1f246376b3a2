//! A limiter of one process.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quipu_client::rate_limit::{Decision, RateLimiter, Reason, TenantCounts};
// The name of the module in the README of dashflow-streaming.
use quipu_client::rate_limiter::RateLimit;

use super::{allowed, limit};

#[tokio::test]
async fn the_readme_writes_a_limit_like_this() {
    let limiter = RateLimiter::new(
        RateLimit {
            messages_per_second: 100.0,
            burst_capacity: 1000,
        },
        None, // In-memory mode (no Redis)
    )
    .await
    .unwrap();
    assert_eq!(limiter.tenant_limit("any").await, Ok(RateLimit::default()));
}

#[test]
fn tenants_have_a_bucket_each_and_need_no_runtime() {
    let limiter = RateLimiter::memory(limit(0.0, 5));
    for tenant in ["a", "b", "", "ü\0"] {
        assert_eq!(limiter.try_check(tenant, 4), Some(Decision::Allowed));
        let never = Some(Decision::Limited { retry_after: None });
        assert_eq!(limiter.try_check(tenant, 2), never);
        assert_eq!(limiter.try_check(tenant, 1), Some(Decision::Allowed));
        assert_eq!(limiter.try_check(tenant, 1), never);
        assert_eq!(limiter.try_check(tenant, 0), Some(Decision::Allowed));
    }
    let metrics = limiter.metrics();
    assert_eq!(metrics.tenants_in_memory, 4);
    assert_eq!(metrics.tenants.len(), 4);
    assert!(metrics.tenants.contains(&TenantCounts {
        label: "a".into(),
        allowed: 5,
        exceeded: 3,
    }));
    assert_eq!(metrics.redis, None);
}

#[tokio::test]
async fn what_is_refused_says_when_it_may_be_sent() {
    let limiter = RateLimiter::memory(limit(0.001, 10));
    limiter.limit("acme", 10).await.unwrap();
    let refused = limiter.limit("acme", 2).await.unwrap_err();
    let Reason::Spent { retry_after } = refused.reason else {
        panic!("{refused}");
    };
    // Two messages at one in 1,000 s, less the time since.
    assert!(retry_after <= Duration::from_secs(2_000) && retry_after > Duration::from_secs(1_900));
    let text = refused.to_string();
    assert!(
        text.starts_with("Rate limit exceeded for tenant: acme (2 messages: "),
        "{text}"
    );
    assert_eq!(limiter.limit("acme", 11).await.unwrap_err().reason, Reason::Never);
}

#[tokio::test]
async fn overrides_hold_from_the_next_call_on() {
    let limiter = RateLimiter::memory(limit(0.0, 2));
    limiter.set_tenant_limit("vip", limit(f64::NAN, 7)).await.unwrap();
    assert_eq!(limiter.tenant_limit("vip").await, Ok(limit(0.0, 7)));
    assert_eq!(limiter.tenant_limit("other").await, Ok(limit(0.0, 2)));
    assert_eq!(allowed(&limiter, "vip").await, 7);
    assert_eq!(allowed(&limiter, "other").await, 2);
    limiter.remove_tenant_limit("vip").await.unwrap();
    assert_eq!(limiter.tenant_limit("vip").await, Ok(limit(0.0, 2)));
    assert_eq!(allowed(&limiter.clone(), "vip").await, 0);
}

#[tokio::test]
async fn calls_that_wait_are_served_in_their_order() {
    let limiter = RateLimiter::memory(limit(500.0, 3));
    let served = Arc::new(Mutex::new(Vec::new()));
    let deadline = Instant::now() + Duration::from_secs(60);
    let began = Instant::now();
    // One thread runs tasks in the order in which they were spawned.
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (limiter, served) = (limiter.clone(), Arc::clone(&served));
            tokio::spawn(async move {
                // Batches of one to three.
                limiter.wait("acme", number % 3 + 1, deadline).await.unwrap();
                served.lock().unwrap().push((number, began.elapsed()));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let served = served.lock().unwrap();
    let mut sent = 0;
    for (at, (number, after)) in served.iter().enumerate() {
        assert_eq!(*number as usize, at, "{served:?}");
        sent += number % 3 + 1;
        let most = 3.0 + 500.0 * after.as_secs_f64();
        assert!(f64::from(sent) <= most, "{sent} messages after {after:?}");
    }
}

#[tokio::test]
async fn a_deadline_that_cannot_be_met_is_refused_at_once_and_takes_nothing() {
    let limiter = RateLimiter::memory(limit(0.001, 1));
    let soon = Instant::now() + Duration::from_secs(900);
    limiter.wait("acme", 1, soon).await.unwrap();
    for _ in 0..3 {
        let refused = limiter.wait("acme", 1, soon).await.unwrap_err();
        let Reason::Deadline { needed, left } = refused.reason else {
            panic!("{refused}");
        };
        // Always one message's time: the refused calls before it took no tokens.
        assert!(needed <= Duration::from_secs(1_000) && needed > left, "{refused}");
    }
    let refused = limiter.wait("acme", 2, soon).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Never);
    let past = limiter.wait("acme", 1, Instant::now()).await.unwrap_err();
    assert!(matches!(past.reason, Reason::Deadline { left, .. } if left.is_zero()));
    let counts = &limiter.metrics().tenants[0];
    assert_eq!((counts.allowed, counts.exceeded), (1, 3 + 2 + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_one_bucket() {
    let limiter = RateLimiter::memory(limit(0.0, 10_000));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { allowed(&limiter, "acme").await })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    assert_eq!(sum, 10_000);
}
