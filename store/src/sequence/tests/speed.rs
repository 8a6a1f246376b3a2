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

/// The name of a thread, in the form of a UUID, made without reading memory: a decoder has it at hand too.
fn write_name(name: &mut [u8; 36], thread: u64) {
    let mut random = Random(thread);
    let digits = [random.next(), random.next()];
    for (place, byte) in name.iter_mut().enumerate() {
        let digit = (digits[place % 2] >> (4 * (place / 2) % 64)) as usize & 15;
        *byte = if matches!(place, 8 | 13 | 18 | 23) {
            b'-'
        } else {
            b"0123456789abcdef"[digit]
        };
    }
}

/// Feeds a book and gives the time of the loop and of its seals. Without a book it gives what the loop itself costs.
fn feed(book: &mut Option<SequenceBook>, threads: u64, burst: u64, messages: u64) -> (Duration, Duration) {
    let (mut name, mut id) = ([0; 36], [0; 16]);
    let mut seals = Duration::ZERO;
    let key = book
        .as_mut()
        .map(|book| book.open_partition(&partition("a", 0), Head::FromOne));
    let started = processor_time();
    for offset in 0..messages {
        let visit = offset / burst;
        if offset % burst == 0 {
            // Every thread once a round: first in order, then far from one another.
            let thread = if visit < threads {
                visit
            } else {
                visit.wrapping_mul(0x9e37_79b1) % threads
            };
            write_name(&mut name, thread);
        }
        let sequence = visit / threads * burst + offset % burst + 1;
        id[..8].copy_from_slice(&offset.to_le_bytes());
        let thread_id = str::from_utf8(&name).unwrap();
        let message = std::hint::black_box(arrival(thread_id, sequence, &id, offset as i64));
        if let (Some(book), Some(key)) = (book.as_mut(), key) {
            std::hint::black_box(book.observe(key, &message));
            if offset % 250_000 == 249_999 {
                let started = processor_time();
                book.seal(ManifestId(offset)).unwrap();
                seals += processor_time() - started;
            }
        }
    }
    (processor_time() - started - seals, seals)
}

fn measure(threads: u64, burst: u64) {
    let before = resident_mib();
    let new = SequenceBook::new(BookOptions::default());
    let first = threads * burst;
    let messages = 4_000_000;
    let (idle, _) = feed(&mut None, 1, burst, messages);
    let mut book = Some(new);
    // The first round, in which all threads are new, is the difference of two runs.
    let (filled, _) = feed(&mut book, threads, burst, first);
    book.as_mut().unwrap().seal(ManifestId(1)).unwrap();
    let resident = resident_mib().saturating_sub(before);
    let (busy, seals) = feed(&mut book, threads, burst, first + messages);
    let mut book = book.unwrap();

    let started = processor_time();
    let batches: Vec<_> = book.snapshot_batches().map(Result::unwrap).collect();
    let snapshot = processor_time() - started;
    let mut again = SequenceBook::new(BookOptions::default());
    let started = processor_time();
    batches.iter().for_each(|batch| again.restore(batch).unwrap());
    let restore = processor_time() - started;
    let per = |time: Duration, count: u64| time.as_nanos() as u64 / count;
    let idle = per(idle, messages);
    println!(
        "{threads:>9} threads, bursts of {burst:>2}: observe {:>4} ns, seal each 250,000 {:>4} ns a message; a new thread's \
         messages {:>4} ns (loop of {idle} ns taken off); memory {resident} MiB; snapshot {} ms, restore {} ms",
        per(busy, first + messages).saturating_sub(idle),
        per(seals, first + messages),
        per(filled, first).saturating_sub(idle),
        snapshot.as_millis(),
        restore.as_millis(),
    );
}

#[test]
#[ignore = "prints figures"]
fn speed_of_observe_and_seal() {
    for threads in [10_000, 100_000, 1_000_000] {
        for burst in [1, 20] {
            measure(threads, burst);
        }
    }
}

/// Medians over commits of 250,000 messages, so that what else the machine does counts little.
#[test]
#[ignore = "prints figures"]
fn speed_of_a_million_threads_touched_at_random() {
    const THREADS: u64 = 1_000_000;
    const COMMIT: u64 = 250_000;
    let median = |mut times: Vec<u64>| {
        times.sort_unstable();
        (times[0], times[times.len() / 2])
    };
    let before = resident_mib();
    let mut book = SequenceBook::new(BookOptions::default());
    let key = book.open_partition(&partition("a", 0), Head::FromOne);
    let (mut name, mut id) = ([0; 36], [0; 16]);
    let (mut idle, mut observes, mut seals) = (Vec::new(), Vec::new(), Vec::new());
    let mut random = Random(7);
    let mut sequences = vec![0_u32; THREADS as usize];
    for thread in 0..THREADS {
        write_name(&mut name, thread);
        sequences[thread as usize] = 1;
        book.observe(key, &arrival(str::from_utf8(&name).unwrap(), 1, &id, 0));
        if thread % COMMIT == COMMIT - 1 {
            book.seal(ManifestId(thread)).unwrap();
        }
    }
    for commit in 0..40 {
        // In the order in which a source has them: the key lies some records ahead, the name is at hand.
        let order: Vec<([u8; 36], u64)> = (0..COMMIT)
            .map(|_| {
                let thread = random.below(THREADS);
                sequences[thread as usize] += 1;
                write_name(&mut name, thread);
                (name, u64::from(sequences[thread as usize]))
            })
            .collect();
        let mut run = |book: Option<&mut SequenceBook>| {
            let mut book = book;
            let started = processor_time();
            for (offset, (name, sequence)) in order.iter().enumerate() {
                id[..8].copy_from_slice(&(commit << 32 | offset as u64).to_le_bytes());
                let thread_id = str::from_utf8(name).unwrap();
                let message = std::hint::black_box(arrival(thread_id, *sequence, &id, offset as i64));
                if let Some(book) = &mut book {
                    if let Some((coming, _)) = order.get(offset + book.lookahead()) {
                        book.announce(key, coming);
                    }
                    std::hint::black_box(book.observe(key, &message));
                }
            }
            (processor_time() - started).as_nanos() as u64 / COMMIT
        };
        idle.push(run(None));
        observes.push(run(Some(&mut book)));
        let started = processor_time();
        std::hint::black_box(book.seal(ManifestId(THREADS + commit)).unwrap());
        seals.push((processor_time() - started).as_nanos() as u64 / COMMIT);
    }
    let (least_idle, idle) = median(idle);
    let (least_observe, observe) = median(observes);
    let (least_seal, seal) = median(seals);
    println!(
        "observe {} ns a message (least {}), seal {seal} ns (least {least_seal}), loop of {idle} ns taken off; memory {} MiB",
        observe - idle,
        least_observe - least_idle,
        resident_mib() - before,
    );
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
        let mut seals = Duration::ZERO;
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
