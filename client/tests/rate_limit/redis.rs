//! A limiter over Redis that is there.

use std::time::{Duration, Instant};

use quipu_client::rate_limit::{
    Decision, RateLimitError, RateLimitMetrics, RateLimiter, Reason, RedisMetrics, RedisOptions,
};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use super::server::Server;
use super::{allowed, limit};

const HOUR_MS: i64 = 3_600_000;

async fn limiter(server: &Server, messages_per_second: f64, burst: u32) -> RateLimiter {
    // A machine under load must not look as an outage here.
    let options = RedisOptions {
        call_timeout: Duration::from_millis(90),
        ..RedisOptions::default()
    };
    RateLimiter::redis(&server.url(), limit(messages_per_second, burst), options)
        .await
        .unwrap()
}

fn redis_metrics(limiter: &RateLimiter) -> RedisMetrics {
    let RateLimitMetrics { redis, .. } = limiter.metrics();
    redis.unwrap()
}

/// Milliseconds until a key goes.
async fn expiry(connection: &mut MultiplexedConnection, key: &str) -> i64 {
    connection.pttl(key).await.unwrap()
}

#[tokio::test]
async fn limiters_share_one_bucket_per_tenant() {
    let Some(server) = Server::start().await else {
        return;
    };
    let (one, two) = (
        limiter(&server, 0.001, 10).await,
        limiter(&server, 0.001, 10).await,
    );
    assert_eq!(one.try_check("acme", 1), None, "Redis would have to be asked");
    assert_eq!(one.check("acme", 7).await, Decision::Allowed);
    assert_eq!(two.check("acme", 0).await, Decision::Allowed);
    assert_eq!(
        two.check("acme", 11).await,
        Decision::Limited { retry_after: None }
    );
    let Decision::Limited {
        retry_after: Some(after),
    } = two.check("acme", 5).await
    else {
        panic!("7 of 10 are taken");
    };
    assert!(
        after <= Duration::from_secs(2_000) && after > Duration::from_secs(1_900),
        "{after:?}"
    );
    assert_eq!(allowed(&two, "acme").await, 3);
    assert_eq!(allowed(&one, "acme").await, 0);
    assert_eq!(allowed(&one, "other").await, 10);
    let metrics = redis_metrics(&two);
    assert_eq!((metrics.outages, metrics.decided_by_policy), (0, 0));
    assert_eq!(metrics.operations[0].operation, "take");
    assert_eq!(metrics.operations[0].latency.counts.iter().sum::<u64>(), 7);
    assert_eq!(metrics.operations[0].errors, 0);
}

#[tokio::test]
async fn tenants_may_be_called_anything_and_old_keys_stay_untouched() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut connection = server.connect().await;
    let old = "rate_limit:acme:bucket";
    let _: () = connection.hset(old, "tokens", "0").await.unwrap();
    let limiter = limiter(&server, 0.0, 3).await;
    let long = "x".repeat(10_000);
    let tenants = [
        "acme",
        "",
        ":",
        "a b",
        "a\r\nb\0",
        "{a}",
        "ü",
        "_limits",
        "acme:bucket",
        &long,
    ];
    for tenant in tenants {
        assert_eq!(allowed(&limiter, tenant).await, 3, "{tenant:?}");
    }
    let keys: Vec<String> = connection.keys("quipu:rate:*").await.unwrap();
    assert_eq!(keys.len(), tenants.len());
    let held: Vec<(String, String)> = connection.hgetall(old).await.unwrap();
    assert_eq!(held, [("tokens".to_owned(), "0".to_owned())]);
}

#[tokio::test]
async fn a_bucket_lives_an_hour_after_every_call_and_until_it_is_full() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut connection = server.connect().await;
    let near = |left: i64, whole: i64| left <= whole && left > whole - 60_000;

    let fast = limiter(&server, 100.0, 10).await;
    let key = "quipu:rate:fast";
    let _ = fast.check("fast", 5).await;
    assert!(near(expiry(&mut connection, key).await, HOUR_MS));
    let _: () = connection.pexpire(key, 60_000).await.unwrap();
    assert_eq!(
        fast.check("fast", 11).await,
        Decision::Limited { retry_after: None }
    );
    assert!(
        near(expiry(&mut connection, key).await, HOUR_MS),
        "a refusal renews it too"
    );

    // 1,000 tokens at one in 100 s: 100,000 s.
    let slow = limiter(&server, 0.01, 1_000).await;
    let _ = slow.check("slow", 1_000).await;
    assert!(near(
        expiry(&mut connection, "quipu:rate:slow").await,
        100_000_000
    ));
    let _ = slow.check("slow", 1).await;
    assert!(near(
        expiry(&mut connection, "quipu:rate:slow").await,
        100_000_000
    ));

    // Never full again: a year.
    let burst = limiter(&server, 0.0, 10).await;
    let _ = burst.check("burst", 1).await;
    assert!(near(
        expiry(&mut connection, "quipu:rate:burst").await,
        365 * 24 * HOUR_MS
    ));
}

#[tokio::test]
async fn a_server_clock_that_is_set_back_gives_and_takes_nothing() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut connection = server.connect().await;
    let limiter = limiter(&server, 1_000.0, 100).await;
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(&mut connection).await.unwrap();
    let ahead = (seconds + 3_600) * 1_000_000;
    let key = "quipu:rate:acme";
    let _: () = connection.set(key, format!("2000000 {ahead}")).await.unwrap();
    let refused = limiter.check("acme", 100).await;
    assert!(matches!(refused, Decision::Limited { .. }), "{refused:?}");
    let held: String = connection.get(key).await.unwrap();
    let (tokens, last) = held.split_once(' ').unwrap();
    assert_eq!(tokens, "2000000");
    assert!(last.parse::<u64>().unwrap() < ahead, "{held}");
    // It fills again: 98 tokens are due in 98 ms.
    let deadline = Instant::now() + Duration::from_secs(60);
    limiter.wait("acme", 100, deadline).await.unwrap();
}

#[tokio::test]
async fn overrides_are_seen_by_all_producers_at_once() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut connection = server.connect().await;
    let (one, two) = (limiter(&server, 0.0, 2).await, limiter(&server, 0.0, 2).await);
    assert_eq!(allowed(&two, "vip").await, 2);
    one.set_tenant_limit("vip", limit(0.0, 9)).await.unwrap();
    assert_eq!(two.tenant_limit("vip").await, Ok(limit(0.0, 9)));
    assert_eq!(
        allowed(&two, "vip").await,
        0,
        "an override adds no tokens to a bucket that is in use"
    );
    one.set_tenant_limit("new", limit(0.0, 9)).await.unwrap();
    assert_eq!(allowed(&two, "new").await, 9);
    one.set_tenant_limit("fast", limit(1e6, 0)).await.unwrap();
    assert_eq!(two.tenant_limit("fast").await, Ok(limit(1e6, 1)));
    let deadline = Instant::now() + Duration::from_secs(60);
    for _ in 0..50 {
        two.wait("fast", 1, deadline).await.unwrap();
    }
    two.remove_tenant_limit("vip").await.unwrap();
    two.remove_tenant_limit("vip").await.unwrap();
    assert_eq!(one.tenant_limit("vip").await, Ok(limit(0.0, 2)));

    // Written by hand, for a person to read.
    let hash = "quipu:rate_limits";
    let _: () = connection.hset(hash, "hand", "0 4").await.unwrap();
    assert_eq!(allowed(&one, "hand").await, 4);
    let written: String = connection.hget(hash, "new").await.unwrap();
    assert_eq!(written, "0.0 9");
    // As everywhere, a rate without sense is none.
    for (rate, burst) in [("-5", 3), ("nan", 3), ("inf", 3), ("1e999", 3)] {
        let tenant = format!("rate {rate}");
        let _: () = connection
            .hset(hash, &tenant, format!("{rate} {burst}"))
            .await
            .unwrap();
        assert_eq!(allowed(&one, &tenant).await, burst, "{rate}");
    }
}

#[tokio::test]
async fn an_override_that_cannot_be_read_is_told_and_the_default_holds() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut connection = server.connect().await;
    let limiter = limiter(&server, 0.0, 2).await;
    for value in ["lots", "5", "5 -1", "5 1.5", "5 4294967296", ""] {
        let _: () = connection.hset("quipu:rate_limits", value, value).await.unwrap();
        assert_eq!(allowed(&limiter, value).await, 2, "{value:?}");
        let error = limiter.tenant_limit(value).await.unwrap_err();
        assert!(matches!(error, RateLimitError::Damaged { .. }), "{error}");
    }
    let metrics = redis_metrics(&limiter);
    assert_eq!(metrics.damaged_overrides, 6 * 3);
    assert_eq!((metrics.outages, metrics.decided_by_policy), (0, 0));
    limiter.set_tenant_limit("lots", limit(0.0, 5)).await.unwrap();
    assert_eq!(limiter.tenant_limit("lots").await, Ok(limit(0.0, 5)));
}

#[tokio::test]
async fn a_server_that_forgot_the_script_gets_it_again() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut connection = server.connect().await;
    let limiter = limiter(&server, 0.0, 100).await;
    for _ in 0..3 {
        assert_eq!(limiter.check("acme", 1).await, Decision::Allowed);
        let _: () = redis::cmd("SCRIPT")
            .arg("FLUSH")
            .query_async(&mut connection)
            .await
            .unwrap();
    }
    assert_eq!(allowed(&limiter, "acme").await, 97);
    assert_eq!(redis_metrics(&limiter).decided_by_policy, 0);
}

#[tokio::test]
async fn a_foreign_key_in_the_place_of_a_bucket_is_an_error_that_the_policy_answers() {
    let Some(server) = Server::start().await else {
        return;
    };
    let mut connection = server.connect().await;
    let limiter = limiter(&server, 0.0, 40).await;
    let _: () = connection.lpush("quipu:rate:acme", "x").await.unwrap();
    // A share of a quarter.
    assert_eq!(limiter.check("acme", 10).await, Decision::Allowed);
    let metrics = redis_metrics(&limiter);
    assert_eq!((metrics.decided_by_policy, metrics.operations[0].errors), (1, 1));
    assert!(!metrics.outage, "one error is no outage");
    assert_eq!(allowed(&limiter, "other").await, 40);
}

#[tokio::test]
async fn calls_that_wait_queue_across_producers() {
    let Some(server) = Server::start().await else {
        return;
    };
    let (one, two) = (limiter(&server, 0.01, 1).await, limiter(&server, 0.01, 1).await);
    let deadline = |seconds| Instant::now() + Duration::from_secs(seconds);
    one.wait("acme", 1, deadline(1)).await.unwrap();
    // The next token is due in 100 s: this call takes it ahead and is dropped while it sleeps.
    let queued = one.wait("acme", 1, deadline(150));
    assert!(
        tokio::time::timeout(Duration::from_millis(500), queued)
            .await
            .is_err()
    );
    let refused = two.wait("acme", 1, deadline(150)).await.unwrap_err();
    let Reason::Deadline { needed, .. } = refused.reason else {
        panic!("{refused}");
    };
    assert!(
        needed > Duration::from_secs(190) && needed <= Duration::from_secs(200),
        "{refused}"
    );
    assert_eq!(
        two.wait("acme", 2, deadline(900)).await.unwrap_err().reason,
        Reason::Never
    );
    let quick = limiter(&server, 200.0, 1).await;
    let began = Instant::now();
    for _ in 0..11 {
        quick.wait("quick", 1, deadline(60)).await.unwrap();
    }
    assert!(
        began.elapsed() >= Duration::from_millis(50),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_wrong_password_is_an_error_and_no_outage() {
    let Some(server) = Server::start_with(&["--requirepass", "open-sesame"]).await else {
        return;
    };
    let with = |user: &str| server.url().replace("//", &format!("//{user}"));
    for user in ["", ":s3cr3t-guess@"] {
        let error = RateLimiter::redis(&with(user), limit(1.0, 1), RedisOptions::default())
            .await
            .unwrap_err();
        assert!(matches!(error, RateLimitError::Refused { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
    let right = RateLimiter::new(limit(0.0, 2), Some(&with(":open-sesame@")))
        .await
        .unwrap();
    assert_eq!(allowed(&right, "acme").await, 2);
    assert!(!format!("{right:?}").contains("sesame"), "{right:?}");
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_repeating_it() {
    for url in [
        "",
        "localhost:6379",
        "http://u:s3cr3t@localhost",
        "redis://:s3cr3t@localhost:x/",
    ] {
        let error = RateLimiter::new(limit(1.0, 1), Some(url)).await.unwrap_err();
        assert!(matches!(error, RateLimitError::Url { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
}
