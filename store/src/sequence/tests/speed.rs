//! Figures, taken by hand: `cargo test --release -p quipu-store speed -- --ignored --nocapture --test-threads 1`.

use std::time::{Duration, Instant};

use super::support::{Random, arrival, partition};
use crate::manifest::ManifestId;
use crate::sequence::*;

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or_default()
        / 1024
}

/// Time of the processor given to this thread: other work on the machine does not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        text.split_whitespace()
            .next()
            .and_then(|ns| ns.parse().ok())
            .unwrap_or_default(),
    )
}

fn names(threads: u64) -> Vec<String> {
    let mut random = Random(1);
    (0..threads)
        .map(|_| {
            let (a, b) = (random.next(), random.next());
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                a as u32,
                a as u16,
                b & 0xfff,
                a >> 52,
                b >> 16
            )
        })
        .collect()
}

/// What the loop costs without the book is measured apart and taken off.
fn measure(threads: u64, burst: u64, messages: u64) {
    let names = names(threads);
    let mut random = Random(2);
    let order: Vec<u32> = (0..messages / burst)
        .map(|_| random.below(threads) as u32)
        .collect();
    let before = resident_mib();
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let mut id = [0; 16];
    let started = processor_time();
    for (offset, name) in names.iter().enumerate() {
        id[..8].copy_from_slice(&(offset as u64).to_le_bytes());
        book.observe(key, &arrival(name, 1, &id, offset as i64));
    }
    let new = processor_time() - started;
    book.seal(ManifestId(1)).unwrap();
    let resident = resident_mib().saturating_sub(before);

    let mut counters = vec![1_u64; threads as usize];
    let mut run = |book: &mut Option<SequenceBook>| {
        let mut offset = threads as i64;
        let mut seals = Duration::ZERO;
        let mut sum = 0;
        let started = processor_time();
        for thread in &order {
            let name = &names[*thread as usize];
            for _ in 0..burst {
                counters[*thread as usize] += 1;
                id[..8].copy_from_slice(&(offset as u64).to_le_bytes());
                let message = std::hint::black_box(arrival(name, counters[*thread as usize], &id, offset));
                offset += 1;
                let Some(book) = book else {
                    sum += message.thread_id.bytes().map(u64::from).sum::<u64>();
                    continue;
                };
                assert_eq!(book.observe(key, &message).repeated, Repeated::No);
                if offset % 250_000 == 0 {
                    let started = processor_time();
                    book.seal(ManifestId(offset as u64)).unwrap();
                    seals += processor_time() - started;
                }
            }
        }
        std::hint::black_box(sum);
        (processor_time() - started - seals, seals)
    };
    let (idle, _) = run(&mut None);
    let mut book = Some(book);
    let (busy, seals) = run(&mut book);
    let mut book = book.unwrap();

    let started = processor_time();
    let batches: Vec<_> = book.snapshot_batches().map(Result::unwrap).collect();
    let snapshot = processor_time() - started;
    let mut again = SequenceBook::new(BookOptions::default());
    let started = processor_time();
    batches.iter().for_each(|batch| again.restore(batch).unwrap());
    let restore = processor_time() - started;
    println!(
        "{threads:>9} threads, bursts of {burst:>2}: observe {:>4} ns, seal each 250,000 {:>4} ns, loop {:>3} ns a message; \
         new thread {:>4} ns; memory {resident} MiB; snapshot {} ms, restore {} ms",
        (busy.saturating_sub(idle)).as_nanos() as u64 / messages,
        seals.as_nanos() as u64 / messages,
        idle.as_nanos() as u64 / messages,
        new.as_nanos() as u64 / threads,
        snapshot.as_millis(),
        restore.as_millis(),
    );
}

#[test]
#[ignore = "prints figures"]
fn speed_of_observe_and_seal() {
    for threads in [10_000, 100_000, 1_000_000] {
        for burst in [1, 20] {
            measure(threads, burst, 4_000_000);
        }
    }
}

#[test]
#[ignore = "prints figures"]
fn speed_of_the_index() {
    for (threads, hot) in [(50_000, 50_000), (200_000, 1_000), (1_000_000, 100_000)] {
        let folder = tempfile::tempdir().unwrap();
        let options = BookOptions {
            hot_threads_max: hot,
            close_threads_max: hot,
        };
        let names = names(threads);
        let before = resident_mib();
        let (mut book, _) = SequenceBook::open(folder.path(), "store", ManifestId(0), options.clone());
        let key = book.open_partition(&partition("a", 0), Head::FromOne);
        let mut seals = std::time::Duration::ZERO;
        for (offset, name) in names.iter().enumerate() {
            for number in 1..=8 {
                let id = (offset as u64 * 8 + number).to_le_bytes().repeat(2);
                book.observe(key, &arrival(name, number, &id, offset as i64));
            }
            if offset % 50_000 == 49_999 {
                let started = Instant::now();
                book.seal(ManifestId(offset as u64)).unwrap();
                seals += started.elapsed();
            }
        }
        let manifest = ManifestId(threads - 1);
        let cold = threads - book.hot_threads() as u64;
        let resident = resident_mib().saturating_sub(before);
        let started = Instant::now();
        assert_eq!(book.close(manifest), BookClose::Clean);
        let close = started.elapsed();
        let started = Instant::now();
        let (mut book, start) = SequenceBook::open(folder.path(), "store", manifest, options);
        assert_eq!(start, BookStart::Current);
        let open = started.elapsed();
        let key = book.open_partition(&partition("a", 0), Head::FromOne);
        let started = Instant::now();
        let mut random = Random(5);
        for _ in 0..20_000 {
            let name = &names[random.below(threads) as usize];
            book.observe(key, &arrival(name, 9, b"", 0));
        }
        let found = started.elapsed() / 20_000;
        let started = Instant::now();
        for number in 0..20_000 {
            book.observe(key, &arrival(&format!("new-{number}"), 9, b"", 0));
        }
        println!(
            "{threads:>9} threads, {hot} in memory: seals {} ms for {cold} cold, {resident} MiB, close {} ms, open {} ms, \
             a cold thread {found:?}, a new thread {:?}",
            seals.as_millis(),
            close.as_millis(),
            open.as_millis(),
            started.elapsed() / 20_000,
        );
    }
}
