//! One quota that several processes share.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quipu_client::rate_limit::{Decision, RateLimiter, RedisOptions};

use super::limit;
use super::server::Server;

const PROCESSES: usize = 4;
const RATE: f64 = 1_000.0;
const BURST: u32 = 100;
const TENANT: &str = "acme";

/// What a worker is told in its environment.
const URL: &str = "QUIPU_TEST_RATE_URL";
const SECONDS: &str = "QUIPU_TEST_RATE_SECONDS";
const WAITS: &str = "QUIPU_TEST_RATE_WAITS";

/// Times that are tried where the machine is too busy for Redis to answer in time, or for the workers to ask.
const TRIES: usize = 8;

/// Whether workers wait for their tokens or ask again and again.
async fn share(waits: bool) {
    for _ in 0..TRIES {
        if measure(waits).await {
            return;
        }
        println!("the machine was too busy: Redis did not decide everything, or was not asked in time");
    }
    panic!("the machine was too busy {TRIES} times");
}

/// False where Redis did not decide everything, or was asked for less than the quota.
async fn measure(waits: bool) -> bool {
    let Some(server) = Server::start_with(&["--appendonly", "no"]).await else {
        return true;
    };
    let seconds = if std::env::var_os("QUIPU_LONG_TESTS").is_some() {
        20
    } else {
        5
    };
    let mut workers: Vec<Child> = (0..PROCESSES)
        .map(|_| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(["--exact", "quota::worker", "--ignored", "--nocapture"])
                .env(URL, server.url())
                .env(SECONDS, seconds.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            if waits {
                command.env(WAITS, "1");
            }
            command.spawn().unwrap()
        })
        .collect();
    let mut answers: Vec<_> = workers
        .iter_mut()
        .map(|worker| BufReader::new(worker.stdout.take().unwrap()).lines())
        .collect();
    let mut answer = |worker: usize, word: &str| {
        answers[worker]
            .find_map(|line| {
                line.unwrap()
                    .split_once(word)
                    .map(|(_, rest)| rest.trim().to_owned())
            })
            .unwrap_or_else(|| panic!("worker {worker} did not say {word}"))
    };
    // All of them send until the first bucket is spent, and go on.
    for worker in 0..PROCESSES {
        answer(worker, "ready");
    }
    for worker in &mut workers {
        worker.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let mut counts = Vec::new();
    let mut by_redis = true;
    for worker in 0..PROCESSES {
        let line = answer(worker, "sent ");
        let (sent, by_policy) = line.split_once(' ').unwrap();
        counts.push(sent.parse::<u64>().unwrap());
        by_redis &= by_policy == "0";
    }
    for worker in &mut workers {
        assert!(worker.wait().unwrap().success());
    }
    if !by_redis {
        return false;
    }
    let sent = counts.iter().sum::<u64>() as f64;
    let due = RATE * f64::from(seconds);
    println!(
        "waits: {waits}; {PROCESSES} processes sent {counts:?} in {seconds} s: {sent} of {due}, {:+.2} %",
        (sent / due - 1.0) * 100.0
    );
    assert!(sent / due - 1.0 <= 0.02, "{sent} of {due}");
    // Fewer are sent where nobody was there to ask while the bucket was full.
    1.0 - sent / due <= 0.02
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn four_processes_share_one_quota() {
    share(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn four_processes_that_wait_share_one_quota() {
    share(true).await;
}

#[tokio::test]
#[ignore = "one of the processes that the tests here start"]
async fn worker() {
    let url = std::env::var(URL).expect("is started by a test, which sets the environment");
    let time = Duration::from_secs(std::env::var(SECONDS).unwrap().parse().unwrap());
    let waits = std::env::var_os(WAITS).is_some();
    let options = RedisOptions {
        call_timeout: Duration::from_millis(90),
        ..RedisOptions::default()
    };
    let limiter = RateLimiter::redis(&url, limit(RATE, BURST), options)
        .await
        .unwrap();
    // Ready when it was refused once.
    while limiter.check(TENANT, 1).await == Decision::Allowed {}
    println!("ready");
    let go = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&go);
    std::thread::spawn(move || {
        std::io::stdin().read_line(&mut String::new()).unwrap();
        told.store(true, Ordering::Release);
    });
    let mut began = None;
    let mut sent = 0;
    while began.is_none_or(|began: Instant| began.elapsed() < time) {
        if began.is_none() && go.load(Ordering::Acquire) {
            began = Some(Instant::now());
        }
        let allowed = match waits {
            true => limiter
                .wait(TENANT, 1, Instant::now() + Duration::from_secs(5))
                .await
                .is_ok(),
            false => limiter.check(TENANT, 1).await == Decision::Allowed,
        };
        if allowed {
            sent += u64::from(began.is_some());
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let by_policy = limiter.metrics().redis.unwrap().decided_by_policy;
    println!("sent {sent} {by_policy}");
}
