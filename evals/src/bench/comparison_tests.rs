//! Comparisons of times that are known, or drawn from a seed.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use super::comparison::{CompareOptions, Comparison, compare};
use super::example;
use super::sample::Failure;
use crate::output::Status;
use crate::verdict::{FailOn, Verdict};

/// So many times of a mean, with a coefficient of variation.
fn times(runs: usize, mean: f64, variation: f64, seed: u64) -> Vec<f64> {
    let law = LogNormal::from_mean_cv(mean, variation).unwrap();
    law.sample_iter(ChaCha8Rng::seed_from_u64(seed))
        .take(runs)
        .collect()
}

fn compared(baseline: &[f64], current: &[f64]) -> Comparison {
    compare(
        &example::benchmark(baseline),
        &example::benchmark(current),
        &CompareOptions::default(),
    )
}

#[test]
fn a_command_that_became_slower_is_regressed_and_the_other_way_round_improved() {
    let (before, now) = (times(30, 100.0, 0.1, 1), times(30, 120.0, 0.1, 2));
    let comparison = compared(&before, &now);
    assert_eq!(comparison.verdict(), Verdict::Regressed);
    let metric = &comparison.metrics[0];
    let (lower, upper) = metric.interval.unwrap();
    assert!(lower > 0.0 && lower < metric.change.unwrap() && metric.change.unwrap() < upper);
    assert!(metric.p_value.unwrap() < 0.001 && metric.superiority.unwrap() > 0.8);
    assert_eq!(compared(&now, &before).verdict(), Verdict::Improved);
}

#[test]
fn a_pass_means_that_a_change_beyond_the_bound_is_excluded() {
    let quiet = compared(&times(50, 100.0, 0.05, 3), &times(50, 100.0, 0.05, 4));
    assert_eq!(quiet.verdict(), Verdict::Pass, "{}", quiet.metrics[0].line());
    let noisy = compared(&times(10, 100.0, 0.4, 5), &times(10, 100.0, 0.4, 6));
    assert_eq!(
        noisy.verdict(),
        Verdict::Inconclusive,
        "{}",
        noisy.metrics[0].line()
    );
    let reason = &noisy.metrics[0].reason;
    assert!(
        reason.contains("runs a side would tell one of +5.0 %"),
        "{reason}"
    );
}

#[test]
fn a_change_that_does_not_matter_is_no_regression_however_sure_it_is() {
    let before = times(200, 100.0, 0.01, 7);
    let now: Vec<f64> = before.iter().map(|time| time * 1.02).collect();
    let comparison = compared(&before, &now);
    assert!(comparison.metrics[0].p_value.unwrap() < 0.01);
    assert_eq!(comparison.verdict(), Verdict::Pass);
    let strict = CompareOptions {
        effect_min: 0.01,
        ..CompareOptions::default()
    };
    let comparison = compare(&example::benchmark(&before), &example::benchmark(&now), &strict);
    assert_eq!(comparison.verdict(), Verdict::Regressed);
}

#[test]
fn fewer_than_five_runs_are_inconclusive_however_far_apart_they_are() {
    let comparison = compared(&[1.0, 1.1, 1.2, 1.1], &[9.0, 9.1, 9.2, 9.1]);
    assert_eq!(comparison.verdict(), Verdict::Inconclusive);
    assert_eq!(
        comparison.metrics[0].reason,
        "4 runs, at least 5 a side are needed"
    );
    let comparison = compared(&[1.0, 1.1, 1.2, 1.1, 1.0], &[9.0, 9.1, 9.2, 9.1, 9.0]);
    assert_eq!(comparison.verdict(), Verdict::Regressed);
}

#[test]
fn without_a_metric_in_common_nothing_follows() {
    let (baseline, mut current) = (example::benchmark(&[1.0; 6]), example::benchmark(&[]));
    current.samples.clone_from(&baseline.samples);
    for sample in &mut current.samples {
        let values = sample.metrics.remove("wall_time_ms").unwrap();
        sample.metrics.insert("run_ms".to_owned(), values);
    }
    let comparison = compare(&baseline, &current, &CompareOptions::default());
    assert_eq!(comparison.verdict(), Verdict::Inconclusive);
    assert_eq!(comparison.one_sided, ["wall_time_ms", "run_ms"]);
    let outcome = comparison.outcome(&baseline, &current, FailOn::Inconclusive);
    assert_eq!(outcome.exit_code(), 1);
    assert!(outcome.verdict_line().contains("no metric in common"));
}

#[test]
fn what_rises_from_nothing_has_regressed_and_what_stays_passes() {
    assert_eq!(compared(&[0.0; 6], &[1.0; 6]).verdict(), Verdict::Regressed);
    assert_eq!(compared(&[0.0; 6], &[0.0; 6]).verdict(), Verdict::Pass);
    let once = compared(&[0.0; 6], &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(once.verdict(), Verdict::Inconclusive);
}

#[test]
fn values_that_are_not_finite_leave_it_open() {
    let broken = compared(&[1.0, 2.0, 3.0, 4.0, f64::NAN], &[1.0; 6]);
    assert_eq!(broken.one_sided, ["wall_time_ms"]);
}

#[test]
fn the_outcome_says_what_the_comparison_does() {
    let (baseline, mut current) = (
        example::benchmark(&times(30, 100.0, 0.1, 1)),
        example::benchmark(&times(30, 120.0, 0.1, 2)),
    );
    current.environment.cpus += 1;
    current.samples[0].failure = Some(Failure::ExitCode(1));
    current.samples[0].metrics.clear();
    let comparison = compare(&baseline, &current, &CompareOptions::default());
    let outcome = comparison.outcome(&baseline, &current, FailOn::default());
    assert_eq!(outcome.exit_code(), 1);
    let line = outcome.verdict_line();
    assert!(line.starts_with("FAILED: wall_time_ms: +"), "{line}");
    assert_eq!(outcome.findings[0].status, Status::Failed);
    assert_eq!(outcome.findings[0].message, comparison.metrics[0].line());
    assert_eq!(
        outcome.findings[1].message,
        "1 of 30 runs failed, of the baseline 0 of 30"
    );
    assert!(outcome.notes[0].starts_with("the number of processors differs"));
}

/// How often so many comparisons of log-normal times have a verdict, the current mean being so much of the baseline's.
fn share(verdict: Verdict, trials: u64, runs: usize, ratio: f64, variation: f64) -> f64 {
    let found = (0..trials).filter(|trial| {
        let before = times(runs, 100.0, variation, 2 * trial);
        let now = times(runs, 100.0 * ratio, variation, 2 * trial + 1);
        compared(&before, &now).verdict() == verdict
    });
    found.count() as f64 / trials as f64
}

#[test]
fn a_command_is_seldom_regressed_against_itself() {
    for variation in [0.1, 0.4] {
        for runs in [5, 30] {
            let false_alarms = share(Verdict::Regressed, 300, runs, 1.0, variation);
            assert!(false_alarms <= 0.05, "{runs} runs, {variation}: {false_alarms}");
        }
    }
}

#[test]
fn a_shift_of_the_mean_by_15_percent_is_found_in_30_runs() {
    let found = share(Verdict::Regressed, 300, 30, 1.15, 0.1);
    assert!(found >= 0.9, "{found}");
}
