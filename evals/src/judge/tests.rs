//! What follows from evidence: cases by hand.

use super::*;
use crate::Verdict;
use crate::output::Severity;

fn metric(name: &str, unit: Unit, better: Better, statistic: Statistic) -> Metric {
    Metric {
        name: name.to_owned(),
        about: String::new(),
        unit,
        better,
        statistic,
        is_exact: false,
        bound: None,
    }
}

fn latency() -> Metric {
    metric("avg_latency", Unit::Milliseconds, Better::Lower, Statistic::Mean)
}

fn correctness() -> Metric {
    metric("correctness", Unit::Score, Better::Higher, Statistic::Mean)
}

/// `count` values around `centre` with a coefficient of variation of about 10 %: evenly spread, so that nothing is left to
/// chance.
fn around(centre: f64, count: u32) -> Vec<f64> {
    let spread = |at: u32| (f64::from(at) + 0.5) / f64::from(count) - 0.5;
    (0..count).map(|at| centre * (1.0 + 0.35 * spread(at))).collect()
}

/// Verdict, severity and reason of one metric.
fn follows(evidence: Evidence) -> (Verdict, Option<Severity>, Reason) {
    let judgement = judge(vec![evidence], &Rules::default());
    let of = &judgement.comparisons[0];
    assert_eq!(judgement.verdict, of.verdict);
    assert_eq!(judgement.severity, of.severity);
    (of.verdict, of.severity, of.reason)
}

fn of_samples(metric: Metric, baseline: &[f64], current: &[f64]) -> (Verdict, Option<Severity>, Reason) {
    follows(Evidence::of_samples(metric, baseline, current, &Rules::default()))
}

fn of_values(metric: Metric, baseline: f64, current: f64) -> (Verdict, Option<Severity>, Reason) {
    follows(Evidence::of_values(metric, Some(baseline), Some(current)))
}

#[test]
fn without_samples_fixed_thresholds_decide_alone() {
    use Reason::{BeyondThreshold, WithinThreshold};
    use Verdict::{Improved, Pass, Regressed};
    assert_eq!(
        of_values(latency(), 1000.0, 1200.0),
        (Pass, None, WithinThreshold)
    );
    assert_eq!(
        of_values(latency(), 1000.0, 1201.0),
        (Regressed, Some(Severity::Warning), BeyondThreshold)
    );
    assert_eq!(
        of_values(latency(), 1000.0, 700.0),
        (Improved, None, BeyondThreshold)
    );
    assert_eq!(
        of_values(correctness(), 0.95, 0.85),
        (Regressed, Some(Severity::Critical), BeyondThreshold)
    );
    assert_eq!(
        of_values(correctness(), 0.95, 0.93),
        (Pass, None, WithinThreshold)
    );
}

#[test]
fn a_proven_and_large_difference_is_a_regression_graded_by_the_fixed_threshold() {
    let base = around(1000.0, 30);
    assert_eq!(
        of_samples(latency(), &base, &around(1150.0, 30)),
        (Verdict::Regressed, Some(Severity::Info), Reason::Proven),
        "15 % are proven, and within the threshold of 20 %"
    );
    assert_eq!(
        of_samples(latency(), &base, &around(1300.0, 30)),
        (Verdict::Regressed, Some(Severity::Warning), Reason::Proven)
    );
    assert_eq!(
        of_samples(latency(), &base, &around(800.0, 30)),
        (Verdict::Improved, None, Reason::Proven)
    );
    assert_eq!(
        of_samples(correctness(), &around(0.8, 30), &around(0.7, 30)),
        (Verdict::Regressed, Some(Severity::Critical), Reason::Proven)
    );
}

#[test]
fn a_proven_difference_may_be_too_small_to_count() {
    assert_eq!(
        of_samples(latency(), &around(1000.0, 1000), &around(1030.0, 1000)),
        (Verdict::Pass, None, Reason::TooSmall)
    );
}

#[test]
fn what_is_not_proven_passes_only_if_a_regression_is_unlikely() {
    assert_eq!(
        of_samples(latency(), &around(1000.0, 30), &around(1010.0, 30)),
        (Verdict::Pass, None, Reason::NotProven)
    );
    // Every second run takes 20 times as long.
    let wild: Vec<f64> = (0..8)
        .map(|at| if at % 2 == 0 { 100.0 } else { 2000.0 })
        .collect();
    assert_eq!(
        of_samples(latency(), &wild, &wild),
        (Verdict::Inconclusive, None, Reason::TooNoisy)
    );
}

#[test]
fn few_samples_prove_nothing() {
    let few = [1000.0, 1010.0, 990.0, 1005.0];
    assert_eq!(
        of_samples(latency(), &few, &few.map(|value| value * 3.0)),
        (Verdict::Inconclusive, None, Reason::TooFewSamples(5))
    );
}

#[test]
fn a_percentile_says_how_many_samples_it_needs() {
    let p95 = || {
        metric(
            "p95_latency",
            Unit::Milliseconds,
            Better::Lower,
            Statistic::Percentile(0.95),
        )
    };
    let (slow, fast) = (around(3000.0, 9), around(1000.0, 9));
    assert_eq!(
        of_samples(p95(), &fast, &slow),
        (Verdict::Inconclusive, None, Reason::TooFewForPercentile(10))
    );
    let reason = of_samples(p95(), &around(1000.0, 10), &around(3000.0, 10)).2;
    assert_eq!(reason, Reason::Proven);
    let success = metric("success_rate", Unit::Fraction, Better::Higher, Statistic::Rate);
    assert_eq!(of_samples(success, &[0.5; 6], &[1.0; 6]).2, Reason::NotComparable);
}

#[test]
fn a_rate_that_has_not_become_worse_passes_and_says_what_it_cannot_see() {
    let success = metric("success_rate", Unit::Fraction, Better::Higher, Statistic::Rate);
    let rate =
        |failures: usize| -> Vec<f64> { (0..20).map(|at| if at < failures { 0.0 } else { 1.0 }).collect() };
    let judged = |before, now| {
        let rules = Rules::default();
        let evidence = Evidence::of_samples(success.clone(), &rate(before), &rate(now), &rules);
        judge(vec![evidence], &rules)
    };
    for (before, now) in [(0, 0), (3, 3), (3, 2)] {
        let judgement = judged(before, now);
        let of = &judgement.comparisons[0];
        assert_eq!(
            (of.verdict, of.reason),
            (Verdict::Pass, Reason::NotProven),
            "{before} {now}"
        );
        assert!(of.unseen().is_some_and(|worst| worst > 0.05), "{before} {now}");
        assert!(
            judgement.notes[0]
                .starts_with("success_rate has not become worse, but 20 and 20 runs do not rule out +"),
            "{:?}",
            judgement.notes
        );
    }
    let worse = judged(0, 2);
    assert_eq!(worse.comparisons[0].reason, Reason::TooNoisy);
    assert!(worse.notes.is_empty());
}

#[test]
fn an_improvement_never_counts_as_a_worsening() {
    let mut rules = Rules::default();
    // Fields are public, and this is what a multiple below 1 comes to.
    rules.set_limit("avg_latency", Limit::Ratio(0.5));
    assert_eq!(rules.effect_min(&latency(), 100.0), 0.0);
    rules.set_limit("avg_latency", Limit::Difference(1.3));
    assert_eq!(rules.bound(&latency()).limit, Limit::Ratio(1.3));
    rules.apply_text("correctness = 0.01").unwrap();
    assert_eq!(rules.bound(&correctness()).limit, Limit::Difference(0.01));
    assert!(rules.apply_text("avg_latency=0.05").is_err());
    assert!(rules.apply_text("avg_latency").is_err());
}

#[test]
fn a_metric_without_noise_needs_no_test() {
    let exact = || Metric {
        is_exact: true,
        ..metric("tool_calls", Unit::Count, Better::Lower, Statistic::Mean)
    };
    assert_eq!(
        of_samples(exact(), &[4.0, 4.0], &[6.0, 7.0]),
        (Verdict::Regressed, Some(Severity::Warning), Reason::Exact)
    );
    assert_eq!(
        of_samples(exact(), &[4.0], &[4.0]),
        (Verdict::Pass, None, Reason::TooSmall)
    );
}

#[test]
fn a_metric_that_was_lost_is_told() {
    let only = |baseline, current| follows(Evidence::of_values(correctness(), baseline, current));
    assert_eq!(only(Some(0.9), None), (Verdict::Inconclusive, None, Reason::Lost));
}

#[test]
fn a_strict_threshold_makes_a_smaller_effect_count() {
    let mut rules = Rules::default();
    let (base, current) = (around(0.95, 400), around(0.92, 400));
    let verdict = |rules: &Rules| {
        let evidence = Evidence::of_samples(correctness(), &base, &current, rules);
        judge(vec![evidence], rules).verdict
    };
    assert_eq!(verdict(&rules), Verdict::Pass, "3 points are less than 5");
    rules.set_limit("correctness", Limit::Difference(0.02));
    assert_eq!(verdict(&rules), Verdict::Regressed);
}

#[test]
fn many_metrics_are_judged_together() {
    // A difference that is significant alone, and not among twenty others.
    let (base, current) = (around(1000.0, 10), around(1110.0, 10));
    let rules = Rules::default();
    let evidence = |name: &str, current: &[f64]| {
        let metric = metric(name, Unit::Milliseconds, Better::Lower, Statistic::Mean);
        Evidence::of_samples(metric, &base, current, &rules)
    };
    let alone = judge(vec![evidence("a", &current)], &rules);
    assert_eq!(alone.verdict, Verdict::Regressed);
    let mut all = vec![evidence("a", &current)];
    for at in 0..20 {
        all.push(evidence(&format!("quiet_{at}"), &base));
    }
    let together = judge(all, &rules);
    assert_ne!(together.comparisons[0].verdict, Verdict::Regressed);
    assert!(together.comparisons[0].adjusted_p > alone.comparisons[0].adjusted_p);
}

#[test]
fn incomplete_data_takes_a_pass_back_but_no_regression() {
    let judged = |baseline, current| {
        let evidence = Evidence::of_values(latency(), Some(baseline), Some(current));
        judge(vec![evidence], &Rules::default()).on_incomplete_data("half is missing".to_owned())
    };
    assert_eq!(judged(1.0, 1.0).verdict, Verdict::Inconclusive);
    assert_eq!(judged(1.0, 2.0).verdict, Verdict::Regressed);
    assert_eq!(judged(1.0, 1.0).notes, ["half is missing"]);
}

#[test]
fn where_nothing_was_compared_nothing_follows() {
    for current in [None, Some(0.9)] {
        let judgement = judge(
            vec![Evidence::of_values(correctness(), None, current)],
            &Rules::default(),
        );
        assert!(judgement.is_empty());
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judgement.comparisons[0].reason, Reason::NotMeasured);
        let outcome = judgement.outcome("gate", GateFailOn::Inconclusive);
        assert_eq!(outcome.exit_code(), 1);
    }
}

#[test]
fn a_regression_within_its_threshold_does_not_make_incomplete_data_pass() {
    let (base, current) = (around(1000.0, 30), around(1150.0, 30));
    let evidence = Evidence::of_samples(latency(), &base, &current, &Rules::default());
    let judgement = judge(vec![evidence], &Rules::default()).on_incomplete_data("half is missing".to_owned());
    let outcome = judgement.outcome("gate", GateFailOn::Inconclusive);
    assert_eq!(outcome.verdict, Some(Verdict::Inconclusive));
    assert_eq!(outcome.exit_code(), 1);
}

#[test]
fn a_proven_drop_that_is_too_small_may_hide_a_large_one() {
    let rate = metric("success_rate", Unit::Fraction, Better::Higher, Statistic::Rate);
    let runs = |good: usize, all: usize| -> Vec<f64> {
        (0..all).map(|at| if at < good { 1.0 } else { 0.0 }).collect()
    };
    assert_eq!(
        of_samples(rate.clone(), &runs(380, 400), &runs(361, 400)),
        (Verdict::Inconclusive, None, Reason::TooNoisy)
    );
    assert_eq!(
        of_samples(rate.clone(), &runs(3800, 4000), &runs(3780, 4000)).0,
        Verdict::Pass
    );
    // Without any difference there is nothing to hide.
    assert_eq!(
        of_samples(rate, &runs(20, 20), &runs(20, 20)),
        (Verdict::Pass, None, Reason::NotProven)
    );
}

#[test]
fn a_percentile_needs_more_samples_than_a_mean() {
    let p95 = metric(
        "p95_latency",
        Unit::Milliseconds,
        Better::Lower,
        Statistic::Percentile(0.95),
    );
    assert_eq!(
        of_samples(p95, &around(1000.0, 6), &around(9000.0, 6)),
        (Verdict::Inconclusive, None, Reason::TooFewForPercentile(10))
    );
}
