//! What it takes to score long answers: a process of its own, so that its memory is that of the scoring.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its memory fails by panicking"
)]

use std::time::{Duration, Instant};

use quipu_stats::score::{ScoringMethod, score};

const CHARACTERS: u32 = 20_000;

/// The greatest memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .trim()
        .parse::<u64>()
        .unwrap()
        * 1024
}

/// Characters without an order, of an alphabet of seven.
fn text(alphabet: &str, mut state: u32) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    (0..CHARACTERS)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            alphabet[(state >> 16) as usize % alphabet.len()]
        })
        .collect()
}

#[test]
fn a_pair_of_20000_characters_takes_little_memory_and_time() {
    for alphabet in ["abcdefg", "東京大阪日本語"] {
        let (actual, expected) = (text(alphabet, 1), text(alphabet, 2));
        // The least of three, as the machine may do other things beside.
        let took = (0..3).map(|_| {
            let begun = Instant::now();
            let score = score(&actual, &expected, ScoringMethod::FuzzyMatch).unwrap();
            assert!((0.2..0.6).contains(&score), "{score}");
            begun.elapsed()
        });
        let took = took.min().unwrap();
        assert!(took < Duration::from_secs(2), "{alphabet}: {took:?}");
    }
    assert!(peak() < 50 * 1024 * 1024, "{} bytes", peak());
}
