//! What a gate sees and what it does not, by seeded simulation: false alarms without a change, and a slowdown that is there.
//! The rule of dashflow-streaming's benchmark beside it, on the same runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use quipu_evals::Verdict;
use quipu_evals::judge::{Evidence, Metric, MetricFile, Rules, judge};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Normal};

/// Runs on each side.
const RUNS: usize = 30;

/// Trials of each case.
const TRIALS: u64 = 200;

#[derive(Clone, Copy, Debug)]
enum Law {
    Normal,
    LogNormal,
}

/// Values with this mean and coefficient of variation.
fn draw(law: Law, mean: f64, variation: f64, generator: &mut ChaCha8Rng) -> Vec<f64> {
    match law {
        Law::Normal => {
            let law = Normal::new(mean, mean * variation).unwrap();
            law.sample_iter(generator).take(RUNS).collect()
        }
        Law::LogNormal => {
            let variance = (variation * variation).ln_1p();
            let law = LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt()).unwrap();
            law.sample_iter(generator).take(RUNS).collect()
        }
    }
}

/// Successes with this chance.
fn successes(chance: f64, generator: &mut ChaCha8Rng) -> Vec<f64> {
    let law = rand_distr::Bernoulli::new(chance).unwrap();
    let values = law.sample_iter(generator).take(RUNS);
    values.map(|success| if success { 1.0 } else { 0.0 }).collect()
}

fn metric(name: &str) -> Metric {
    let files = MetricFile::built_in().unwrap();
    files
        .into_iter()
        .find(|file| file.metric.name == name)
        .unwrap()
        .metric
}

/// The metrics of the runs of one side. Latency is `slower` times as long.
fn side(law: Law, variation: f64, slower: f64, generator: &mut ChaCha8Rng) -> Vec<(&'static str, Vec<f64>)> {
    let latency = draw(law, 1000.0 * slower, variation, generator);
    vec![
        ("avg_latency", latency.clone()),
        ("p95_latency", latency),
        ("time_to_first_token", draw(law, 300.0, variation, generator)),
        ("total_tokens", draw(law, 2000.0, variation, generator)),
        ("cost_per_run", draw(law, 0.004, variation, generator)),
        ("tool_calls", draw(law, 3.0, variation, generator)),
        ("success_rate", successes(0.95, generator)),
        ("error_rate", successes(0.1, generator)),
    ]
}

/// What a gate of all metrics says, and whether the old rule raises an alarm: p95 above the upper limit of the normal interval
/// of the baseline's mean, and a fifth.
fn trial(law: Law, variation: f64, slower: f64, seed: u64) -> (Verdict, Verdict, bool) {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let baseline = side(law, variation, 1.0, &mut generator);
    let current = side(law, variation, slower, &mut generator);
    let rules = Rules {
        seed,
        ..Rules::default()
    };
    let evidence = baseline
        .iter()
        .zip(&current)
        .map(|((name, before), (_, now))| Evidence::of_samples(metric(name), before, now, &rules));
    let judgement = judge(evidence.collect(), &rules);
    let of_mean = judgement.comparisons[0].verdict;
    (
        judgement.verdict,
        of_mean,
        old_alarm(&baseline[0].1, &current[0].1),
    )
}

fn old_alarm(baseline: &[f64], current: &[f64]) -> bool {
    let mean = baseline.iter().sum::<f64>() / baseline.len() as f64;
    let squares = baseline.iter().map(|value| (value - mean) * (value - mean));
    let deviation = (squares.sum::<f64>() / baseline.len() as f64).sqrt();
    let upper = mean + 1.96 * deviation / (baseline.len() as f64).sqrt();
    let mut sorted = current.to_vec();
    sorted.sort_by(f64::total_cmp);
    let p95 = sorted[(0.95 * (sorted.len() - 1) as f64).round() as usize];
    p95 > upper * 1.2
}

/// Shares of trials: the gate tells of a regression; of one of the mean latency; the old rule raises an alarm.
fn shares(law: Law, variation: f64, slower: f64) -> (f64, f64, f64) {
    let (mut gate, mut mean, mut old) = (0, 0, 0);
    for seed in 0..TRIALS {
        let (verdict, of_mean, alarm) = trial(law, variation, slower, seed);
        gate += u64::from(verdict == Verdict::Regressed);
        mean += u64::from(of_mean == Verdict::Regressed);
        old += u64::from(alarm);
    }
    let share = |count: u64| count as f64 / TRIALS as f64;
    (share(gate), share(mean), share(old))
}

#[test]
fn without_a_change_the_gate_seldom_raises_an_alarm() {
    for law in [Law::Normal, Law::LogNormal] {
        for variation in [0.05, 0.1, 0.2, 0.4] {
            let (gate, _, old) = shares(law, variation, 1.0);
            println!("{law:?}, deviation {variation}: gate {gate}, old rule {old}");
            assert!(
                gate <= 0.05,
                "{law:?}, deviation {variation}: {gate} false alarms"
            );
        }
    }
}

#[test]
fn a_slowdown_by_15_percent_is_seen_where_runs_vary_by_10() {
    for law in [Law::Normal, Law::LogNormal] {
        let (gate, mean, old) = shares(law, 0.1, 1.15);
        println!("{law:?}: gate {gate}, mean latency {mean}, old rule {old}");
        assert!(mean >= 0.9, "{law:?}: {mean} of the trials");
    }
}

#[test]
fn the_old_rule_alarms_without_a_change_and_misses_one() {
    let (_, _, alarms) = shares(Law::Normal, 0.2, 1.0);
    assert!(alarms > 0.5, "{alarms} of the trials without a change");
    let (_, _, seen) = shares(Law::Normal, 0.01, 1.15);
    assert!(seen < 0.05, "{seen} of the trials with a slowdown by 15 %");
}
