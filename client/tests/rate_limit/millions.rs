//! A million tenants. Run by hand, in release, one at a time:
//! `cargo test --release -p quipu-client --test rate_limit -- --ignored --nocapture --test-threads 1 millions`

use std::time::Instant;

use quipu_client::rate_limit::{Decision, MemoryOptions, RateLimiter, RedisOptions};
use redis::AsyncCommands;

use super::limit;
use super::server::Server;

const MILLION: u32 = 1_000_000;

/// Memory of this process that is in use, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

#[test]
#[ignore = "measures, in release: a million tenants in this process"]
fn in_memory() {
    let limiter = RateLimiter::memory_with(limit(0.001, 100), MemoryOptions::default());
    let before = resident();
    let began = Instant::now();
    for tenant in 0..MILLION {
        assert_eq!(
            limiter.try_check(&format!("tenant-{tenant:07}"), 1),
            Some(Decision::Allowed)
        );
    }
    let took = began.elapsed();
    let metrics = limiter.metrics();
    let bytes = resident() - before;
    println!(
        "{} tenants in {took:?}: {bytes} bytes, {:.1} a tenant; evicted {} full, {} before",
        metrics.tenants_in_memory,
        bytes as f64 / f64::from(MILLION),
        metrics.evicted_full,
        metrics.evicted_before_full
    );
    assert_eq!(metrics.tenants_in_memory, MILLION as usize);
    assert_eq!(metrics.evicted_before_full, 0);
    assert!(bytes < 150 << 20, "{bytes}");
    // Ten million more: the bound holds.
    let began = Instant::now();
    for tenant in MILLION..11 * MILLION {
        assert_eq!(
            limiter.try_check(&format!("tenant-{tenant:07}"), 1),
            Some(Decision::Allowed)
        );
    }
    let bytes = resident() - before;
    let metrics = limiter.metrics();
    println!(
        "ten million more in {:?}: {} tenants kept, {bytes} bytes; evicted {} full, {} before",
        began.elapsed(),
        metrics.tenants_in_memory,
        metrics.evicted_full,
        metrics.evicted_before_full
    );
    assert!(bytes < 200 << 20, "{bytes}");
    let name = "tenant-0000001";
    let began = Instant::now();
    for _ in 0..MILLION {
        let _ = limiter.try_check(name, 0);
    }
    println!(
        "a check of one tenant: {:.0} ns",
        began.elapsed().as_nanos() as f64 / f64::from(MILLION)
    );
}

#[tokio::test]
#[ignore = "measures, in release: a million tenants in Redis"]
async fn in_redis() {
    let Some(server) = Server::start_with(&["--appendonly", "no"]).await else {
        return;
    };
    let mut connection = server.connect().await;
    let used = async || -> u64 {
        let mut connection = connection.clone();
        let info: String = redis::cmd("INFO")
            .arg("memory")
            .query_async(&mut connection)
            .await
            .unwrap();
        info.lines()
            .find_map(|line| line.strip_prefix("used_memory:"))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    let limiter = RateLimiter::redis(&server.url(), limit(0.001, 100), RedisOptions::default())
        .await
        .unwrap();
    let before = used().await;
    let began = Instant::now();
    let tasks: Vec<_> = (0..32)
        .map(|part| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                for tenant in (part..MILLION).step_by(32) {
                    assert_eq!(
                        limiter.check(&format!("tenant-{tenant:07}"), 1).await,
                        Decision::Allowed
                    );
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let took = began.elapsed();
    let bytes = used().await - before;
    let key = "quipu:rate:tenant-0000001";
    let usage: u64 = redis::cmd("MEMORY")
        .arg("USAGE")
        .arg(key)
        .query_async(&mut connection)
        .await
        .unwrap();
    let held: String = connection.get(key).await.unwrap();
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap();
    println!(
        "{keys} keys in {took:?} ({:.0} a second): {bytes} bytes, {:.1} a tenant with its share of the tables; MEMORY USAGE {key} = {usage}, holds {held:?}",
        f64::from(MILLION) / took.as_secs_f64(),
        bytes as f64 / f64::from(MILLION)
    );
    let metrics = limiter.metrics();
    println!("{:?}", metrics.redis);
    assert_eq!(
        metrics.tenants_in_memory, 0,
        "this process keeps nothing while Redis is there"
    );
    assert!(
        keys >= u64::from(MILLION) && bytes < 200 << 20,
        "{keys} keys, {bytes} bytes"
    );
    let began = Instant::now();
    for _ in 0..20_000 {
        let _ = limiter.check("tenant-0000001", 1).await;
    }
    println!(
        "one call after the other: {:.1} us each",
        began.elapsed().as_micros() as f64 / 20_000.0
    );
}
