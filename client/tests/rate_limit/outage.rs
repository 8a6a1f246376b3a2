//! A limiter over Redis that is away.

use std::time::{Duration, Instant};

use quipu_client::rate_limit::{
    Decision, OnOutage, RateLimitError, RateLimiter, Reason, RedisMetrics, RedisOptions,
};

use super::server::Server;
use super::{allowed, limit};

/// No send may be held up longer.
const SEND_MAX: Duration = Duration::from_millis(100);
/// Longest time for Redis to be found again.
const BACK_MAX: Duration = Duration::from_secs(20);

fn options(on_outage: OnOutage) -> RedisOptions {
    RedisOptions {
        on_outage,
        probe_interval: Duration::from_millis(100),
        ..RedisOptions::default()
    }
}

fn redis_metrics(limiter: &RateLimiter) -> RedisMetrics {
    limiter.metrics().redis.unwrap()
}

/// How often Redis was asked for tokens.
fn asked(limiter: &RateLimiter) -> u64 {
    redis_metrics(limiter).operations[0].latency.counts.iter().sum()
}

async fn back(limiter: &RateLimiter) {
    let began = Instant::now();
    while redis_metrics(limiter).outage {
        assert!(began.elapsed() < BACK_MAX, "Redis was not found again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Sends until a message is refused; no send takes longer than it may.
async fn allowed_in_time(limiter: &RateLimiter, tenant: &str) -> u32 {
    let mut allowed = 0;
    loop {
        let began = Instant::now();
        let decision = limiter.check(tenant, 1).await;
        let took = began.elapsed();
        assert!(took <= SEND_MAX, "a send took {took:?}");
        if decision != Decision::Allowed {
            return allowed;
        }
        allowed += 1;
    }
}

#[tokio::test]
async fn a_killed_server_leaves_each_process_its_share_and_comes_back_with_all_it_had() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let mut limiters = Vec::new();
    for _ in 0..4 {
        let share = options(OnOutage::LocalShare { share: 0.25 });
        limiters.push(
            RateLimiter::redis(&server.url(), limit(0.0, 100), share)
                .await
                .unwrap(),
        );
    }
    let first = limiters[0].clone();
    first.set_tenant_limit("vip", limit(0.0, 8)).await.unwrap();
    assert_eq!(first.check("acme", 60).await, Decision::Allowed);
    for limiter in &limiters {
        // A process goes by the overrides that it has seen.
        assert_eq!(limiter.check("vip", 1).await, Decision::Allowed);
    }

    server.kill();
    let mut together = [0, 0];
    for limiter in &limiters {
        together[0] += allowed_in_time(limiter, "acme").await;
        together[1] += allowed_in_time(limiter, "vip").await;
        // More than the share holds, and less than the burst: that is for Redis to say.
        assert_eq!(limiter.check("batch", 26).await, Decision::Unavailable);
        assert_eq!(limiter.try_check("batch", 25), Some(Decision::Allowed));
        let metrics = redis_metrics(limiter);
        assert_eq!((metrics.outage, metrics.outages), (true, 1));
        assert!(metrics.operations[0].errors <= 3, "{metrics:?}");
        assert!(metrics.decided_by_policy >= 27, "{metrics:?}");
    }
    assert_eq!(together, [100, 8], "all of them together, one quota");
    let error = first.set_tenant_limit("vip", limit(0.0, 1)).await.unwrap_err();
    assert!(
        matches!(
            error,
            RateLimitError::Failed {
                operation: "set_limit",
                ..
            }
        ),
        "{error}"
    );

    assert!(server.run().await);
    for limiter in &limiters {
        back(limiter).await;
    }
    assert_eq!(first.tenant_limit("vip").await, Ok(limit(0.0, 8)));
    assert_eq!(allowed(&first, "acme").await, 40, "the server kept the bucket");
    assert_eq!(allowed(&limiters[1], "vip").await, 4);
    assert_eq!(redis_metrics(&first).outages, 1);
}

#[tokio::test]
async fn a_server_that_hangs_holds_up_one_send_and_not_the_next() {
    let Some(server) = Server::start().await else {
        return;
    };
    let limiter = RateLimiter::redis(&server.url(), limit(0.0, 100), options(OnOutage::default()))
        .await
        .unwrap();
    assert_eq!(limiter.check("acme", 1).await, Decision::Allowed);
    server.freeze();
    assert_eq!(allowed_in_time(&limiter, "acme").await, 25);
    assert_eq!(asked(&limiter), 2, "nobody asks a server that hangs twice");
    // Probes go on in the background, and a server that hangs answers none.
    let probes = |limiter: &RateLimiter| redis_metrics(limiter).operations[1].errors;
    let began = Instant::now();
    while probes(&limiter) < 2 {
        assert!(began.elapsed() < BACK_MAX, "nobody probes");
        assert!(
            limiter.try_check("acme", 1).is_some(),
            "no send waits for a probe"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(redis_metrics(&limiter).outage);
    assert_eq!(asked(&limiter), 2);
    server.thaw();
    back(&limiter).await;
    assert_eq!(limiter.try_check("acme", 1), None);
    // The call that hung took its token when the server woke.
    assert_eq!(allowed(&limiter, "acme").await, 98);
}

#[tokio::test]
async fn closed_refuses_at_once_and_who_waits_gets_through_when_redis_is_back() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let limiter = RateLimiter::redis(&server.url(), limit(0.0, 5), options(OnOutage::Closed))
        .await
        .unwrap();
    server.kill();
    assert_eq!(allowed_in_time(&limiter, "acme").await, 0);
    let refused = limiter.limit("acme", 1).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Unavailable);
    let refused = limiter.wait("acme", 1, Instant::now()).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Unavailable);
    let waiting = {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.wait("acme", 1, Instant::now() + BACK_MAX).await })
    };
    assert!(server.run().await);
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(allowed(&limiter, "acme").await, 4);
}

#[tokio::test]
async fn open_lets_everything_pass() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let limiter = RateLimiter::redis(&server.url(), limit(0.0, 5), options(OnOutage::Open))
        .await
        .unwrap();
    assert_eq!(allowed(&limiter, "acme").await, 5);
    server.kill();
    for _ in 0..1_000 {
        assert_eq!(limiter.check("acme", 7).await, Decision::Allowed);
    }
    assert!(server.run().await);
    back(&limiter).await;
    assert_eq!(allowed(&limiter, "acme").await, 0);
}

#[tokio::test]
async fn a_server_that_is_missing_at_the_start_is_an_error_where_nothing_could_be_sent() {
    // Needs no redis-server: nothing listens there.
    let mut server = Server::reserve(&[]);
    let open = |on_outage| {
        let url = server.url();
        async move { RateLimiter::redis(&url, limit(0.0, 100), options(on_outage)).await }
    };
    let error = open(OnOutage::Closed).await.unwrap_err();
    assert!(matches!(error, RateLimitError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    let share = open(OnOutage::LocalShare { share: 0.1 }).await.unwrap();
    let everything = open(OnOutage::Open).await.unwrap();
    assert_eq!(allowed_in_time(&share, "acme").await, 10);
    assert_eq!(everything.try_check("acme", 1_000), Some(Decision::Allowed));
    assert_eq!(redis_metrics(&share).outages, 1);

    if !server.run().await {
        return;
    }
    back(&share).await;
    back(&everything).await;
    assert_eq!(allowed(&share, "acme").await, 100);
    assert_eq!(allowed(&everything, "acme").await, 0);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_an_outage_and_no_panic() {
    let Some(server) = Server::start().await else {
        return;
    };
    let url = server.url().replace("redis:", "rediss:");
    let limiter = RateLimiter::redis(&url, limit(0.0, 100), options(OnOutage::default()))
        .await
        .unwrap();
    assert_eq!(allowed_in_time(&limiter, "acme").await, 25);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_made_anew_without_an_outage() {
    let Some(server) = Server::start().await else {
        return;
    };
    let limiter = RateLimiter::redis(&server.url(), limit(0.0, 100), options(OnOutage::default()))
        .await
        .unwrap();
    assert_eq!(limiter.check("acme", 1).await, Decision::Allowed);
    let mut connection = server.connect().await;
    let closed: u64 = redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(closed, 1);
    // Decided by the share, and the connection is made in the background.
    assert_eq!(limiter.check("acme", 1).await, Decision::Allowed);
    let connected = |limiter: &RateLimiter| {
        redis_metrics(limiter).operations[1]
            .latency
            .counts
            .iter()
            .sum::<u64>()
    };
    let began = Instant::now();
    while connected(&limiter) < 4 {
        assert!(began.elapsed() < BACK_MAX, "nobody connects");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(allowed(&limiter, "acme").await, 99);
    let metrics = redis_metrics(&limiter);
    assert_eq!((metrics.outages, metrics.decided_by_policy), (0, 1));
}

#[tokio::test]
async fn a_server_that_takes_no_writes_does_not_come_back_by_answering() {
    let Some(server) = Server::start().await else {
        return;
    };
    let limiter = RateLimiter::redis(&server.url(), limit(0.0, 100), options(OnOutage::default()))
        .await
        .unwrap();
    let mut connection = server.connect().await;
    let replica_of = async |host: &str, port: &str| {
        let mut connection = connection.clone();
        let _: () = redis::cmd("REPLICAOF")
            .arg(host)
            .arg(port)
            .query_async(&mut connection)
            .await
            .unwrap();
    };
    replica_of("127.0.0.1", "1").await;
    assert_eq!(allowed_in_time(&limiter, "acme").await, 25);
    let began = Instant::now();
    while redis_metrics(&limiter).operations[1].errors < 4 {
        assert!(began.elapsed() < BACK_MAX, "nobody probes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(redis_metrics(&limiter).outage);
    replica_of("NO", "ONE").await;
    back(&limiter).await;
    assert_eq!(redis_metrics(&limiter).outages, 1);
    let _: () = redis::cmd("PING").query_async(&mut connection).await.unwrap();
    assert_eq!(allowed(&limiter, "acme").await, 100);
}

#[tokio::test]
async fn probes_end_with_the_limiter() {
    let server = Server::reserve(&[]);
    let limiter = RateLimiter::redis(&server.url(), limit(0.0, 1), options(OnOutage::Open))
        .await
        .unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert!(tasks() >= 1);
    drop(limiter);
    let began = Instant::now();
    while tasks() > 0 {
        assert!(began.elapsed() < BACK_MAX, "{} tasks live on", tasks());
        tokio::task::yield_now().await;
    }
}
