use std::collections::{BTreeMap, BTreeSet};

use quipu_proto::Emitter;

use super::*;

mod streams;

use streams::{Application, Stream, Traits};

/// What a split says of the gaps of a stream, against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Score {
    /// Numbers missing in truth below one of their counter that came.
    missing: u64,
    /// Missing numbers that were reported as such, with certainty.
    detected: u64,
    /// Missing numbers reported without certainty.
    ambiguous: u64,
    /// Numbers reported without certainty that are not missing.
    ambiguous_untrue: u64,
    /// Numbers reported with certainty that are not missing.
    untrue: u64,
}

impl Score {
    /// Missing numbers of which nothing was said.
    fn missed(&self) -> u64 {
        self.missing.saturating_sub(self.detected + self.ambiguous)
    }

    fn add(&mut self, other: Self) {
        self.missing += other.missing;
        self.detected += other.detected;
        self.ambiguous += other.ambiguous;
        self.ambiguous_untrue += other.ambiguous_untrue;
        self.untrue += other.untrue;
    }
}

/// Splits what arrived of a stream and compares the gaps with what was sent.
fn score(stream: &Stream) -> Score {
    let strands = split(stream.arrived.clone(), Head::FromOne);
    let truth = stream.missing();
    let mut score = Score {
        missing: truth.values().map(|numbers| numbers.len() as u64).sum(),
        ..Score::default()
    };
    for strand in &strands.strands {
        // The counter in truth to which most of the strand belongs.
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        for run in &strand.runs {
            if let Some(counter) = stream.counter_at(run.first_offset) {
                *votes.entry(counter).or_default() += 1;
            }
        }
        let counter = votes
            .iter()
            .max_by_key(|(_, votes)| **votes)
            .map(|(counter, _)| *counter);
        let none = BTreeSet::new();
        let lost = counter.and_then(|counter| truth.get(&counter)).unwrap_or(&none);
        for number in missing(strand) {
            let counted = match (strand.certainty, lost.contains(&number)) {
                (Certainty::Exact, true) => &mut score.detected,
                (Certainty::Exact, false) => &mut score.untrue,
                (Certainty::Ambiguous, true) => &mut score.ambiguous,
                (Certainty::Ambiguous, false) => &mut score.ambiguous_untrue,
            };
            *counted += 1;
        }
    }
    score
}

/// The numbers below the highest of a strand that none of its runs has.
fn missing(strand: &Strand) -> Vec<u64> {
    let seen: BTreeSet<u64> = strand.runs.iter().flat_map(|run| run.first..=run.last).collect();
    let newest = seen.last().copied().unwrap_or(0);
    (1..newest).filter(|number| !seen.contains(number)).collect()
}

fn total(traits: Traits, seeds: std::ops::Range<u64>) -> Score {
    let mut total = Score::default();
    for seed in seeds {
        let score = score(&Stream::of(seed, traits));
        total.add(score);
    }
    total
}

const SEEDS: std::ops::Range<u64> = 0..1_000;

#[test]
fn without_loss_nothing_is_missing_whatever_the_order_of_sends() {
    let traits = Traits {
        application: Application::GraphAndNodes { restarts: 2 },
        overtaking: 3,
        ..Traits::default()
    };
    assert_eq!(total(traits, SEEDS), Score::default());
}

#[test]
fn without_loss_and_without_times_no_gap_is_called_exact() {
    let traits = Traits {
        application: Application::GraphAndNodes { restarts: 2 },
        overtaking: 3,
        timeless: true,
        ..Traits::default()
    };
    let score = total(traits, SEEDS);
    println!("graph and nodes without times: {score:?}");
    assert_eq!((score.missing, score.detected, score.untrue), (0, 0, 0));
}

#[test]
fn without_loss_tasks_that_race_for_numbers_make_no_exact_gap() {
    for jitter_us in [200, 2_000, 20_000] {
        let traits = Traits {
            application: Application::GraphAndNodes { restarts: 2 },
            overtaking: 3,
            jitter_us,
            ..Traits::default()
        };
        let score = total(traits, SEEDS);
        println!("graph and nodes, times off by up to {jitter_us} us: {score:?}");
        assert_eq!((score.missing, score.untrue), (0, 0));
    }
}

#[test]
fn a_thread_with_one_counter_is_always_exact() {
    for loss_percent in [0, 2, 20] {
        for (timeless, copies_percent) in [(false, 0), (true, 5)] {
            let traits = Traits {
                application: Application::OneCounter { restarts: 0 },
                overtaking: 3,
                loss_percent,
                copies_percent,
                timeless,
                ..Traits::default()
            };
            let score = total(traits, SEEDS);
            assert_eq!(
                (
                    score.ambiguous,
                    score.ambiguous_untrue,
                    score.untrue,
                    score.missed()
                ),
                (0, 0, 0, 0),
                "{traits:?}"
            );
            assert_eq!(score.missing > 0, loss_percent > 0);
        }
    }
}

#[test]
fn losses_of_counters_that_start_again_are_told_nearly_all() {
    let traits = Traits {
        application: Application::OneCounter { restarts: 2 },
        overtaking: 3,
        loss_percent: 2,
        copies_percent: 1,
        ..Traits::default()
    };
    let score = total(traits, SEEDS);
    println!(
        "one counter, restarted twice, 2 % lost: {score:?}, missed {}",
        score.missed()
    );
    assert!(score.untrue * 200 < score.missing, "{score:?}");
    assert!(score.missed() * 100 < score.missing, "{score:?}");
    assert!(score.detected * 10 > score.missing * 9, "{score:?}");
}

#[test]
fn losses_of_graphs_and_their_nodes_are_told_and_rarely_untrue() {
    let traits = Traits {
        application: Application::GraphAndNodes { restarts: 2 },
        overtaking: 3,
        loss_percent: 2,
        copies_percent: 1,
        ..Traits::default()
    };
    let score = total(traits, SEEDS);
    println!(
        "graph and nodes, restarted twice, 2 % lost: {score:?}, missed {}",
        score.missed()
    );
    assert!(score.untrue * 200 < score.missing, "{score:?}");
    assert!(score.missed() * 100 < score.missing, "{score:?}");
    assert!(score.detected * 10 > score.missing * 8, "{score:?}");
}

#[test]
fn the_order_in_which_messages_are_handed_in_changes_nothing() {
    let traits = Traits {
        application: Application::GraphAndNodes { restarts: 1 },
        overtaking: 3,
        loss_percent: 2,
        copies_percent: 3,
        ..Traits::default()
    };
    for seed in 0..50 {
        let stream = Stream::of(seed, traits);
        let mut backwards = stream.arrived.clone();
        backwards.reverse();
        assert_eq!(
            split(stream.arrived, Head::FromOne),
            split(backwards, Head::FromOne),
            "seed {seed}"
        );
    }
}

fn message(sequence: u64, message_id: u128) -> Evidence {
    Evidence {
        sequence,
        message_id,
        emitter: Emitter::Graph,
        role: Role::Other,
        node: 0,
        time: Some(i64::try_from(message_id).unwrap()),
        kafka_time: None,
        partition: 0,
        offset: i64::try_from(message_id).unwrap(),
        item: 0,
    }
}

#[test]
fn copies_are_no_second_counter() {
    let mut copy = message(2, 2);
    copy.offset = 9;
    let strands = split(
        vec![message(1, 1), message(2, 2), message(4, 4), copy],
        Head::FromOne,
    );
    let [strand] = &*strands.strands else {
        panic!("{strands:?}");
    };
    assert_eq!(
        (strand.kind, strand.certainty),
        (StrandKind::Thread, Certainty::Exact)
    );
    let runs: Vec<_> = strand
        .runs
        .iter()
        .map(|run| (run.first, run.last, run.messages))
        .collect();
    assert_eq!(runs, [(1, 2, 3), (4, 4, 1)]);
}

#[test]
fn a_number_that_came_twice_without_an_id_leaves_a_doubt() {
    let mut unnamed = message(2, 7);
    unnamed.message_id = 0;
    let strands = split(
        vec![message(1, 1), message(2, 2), message(4, 4), unnamed],
        Head::FromOne,
    );
    assert_eq!(strands.strands.len(), 1);
    assert_eq!(strands.strands[0].certainty, Certainty::Ambiguous);
}

#[test]
fn numbers_under_one_id_are_not_missing() {
    let mut messages: Vec<_> = (1..=5)
        .map(|number| message(number, u128::from(number)))
        .collect();
    messages.push(message(2, 6));
    messages.push(message(6, 9));
    for message in &mut messages[..6] {
        message.message_id = 77;
    }
    let strands = split(messages, Head::FromOne);
    let lacking: Vec<u64> = strands.strands.iter().flat_map(missing).collect();
    assert_eq!(lacking, Vec::<u64>::new(), "{strands:?}");
}

/// The test helper of the producers sends quality metrics under number 1 again and again.
#[test]
fn a_number_that_is_always_one_makes_no_gap() {
    let mut messages: Vec<_> = (1..=6)
        .map(|number| message(number, u128::from(number) * 10))
        .collect();
    messages.push(message(1, 35));
    messages.push(message(1, 45));
    let strands = split(messages, Head::FromOne);
    let exact = strands
        .strands
        .iter()
        .filter(|strand| strand.certainty == Certainty::Exact);
    assert_eq!(
        exact.map(missing).collect::<Vec<_>>().concat(),
        Vec::<u64>::new(),
        "{strands:?}"
    );
}

#[test]
fn numbers_at_the_end_of_their_range_are_taken() {
    let strands = split(
        vec![
            message(u64::MAX, 1),
            message(u64::MAX - 1, 2),
            message(u64::MAX, 3),
        ],
        Head::Unknown,
    );
    assert_eq!(
        strands
            .strands
            .iter()
            .map(|strand| strand.runs.len())
            .sum::<usize>(),
        2
    );
}

#[test]
fn nothing_is_no_strand() {
    assert_eq!(split(Vec::new(), Head::FromOne).strands.len(), 0);
}
