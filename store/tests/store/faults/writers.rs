//! Two writers at one store, call by call in an order that a seed gives: with locks that hold, and with locks that do
//! nothing, as on a file system without any, or after somebody has removed the lock file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quipu_disk::{Job, Locks, Loss, Plan, Turns};
use quipu_store::StoreError;
use quipu_store::StoreErrorKind::{Fenced, Locked};
use quipu_store::disk::Disk;

use super::{AFTER, BEFORE, Trial, Trying, open_with};
use crate::common::{position, ten};

const INTERLEAVINGS: u64 = 100;

/// Commits ten rows more than the writer's store has, so many times. Gives how often that was done, and the error.
fn commit(path: &Path, disk: Arc<dyn Disk>, times: usize, opened: impl Fn(&dyn Disk)) -> Outcome {
    let writer = open_with(path, Arc::clone(&disk));
    opened(&*disk);
    let mut writer = match writer {
        Ok(writer) => writer,
        Err(error) => return (0, Some(error)),
    };
    for done in 0..times {
        let next = writer.partition(&position(0, 0).log).unwrap().next_offset.0;
        if let Err(error) = writer.commit(ten(next)) {
            return (done, Some(error));
        }
    }
    (times, None)
}

/// Commits done, and why there are no more.
type Outcome = (usize, Option<StoreError>);

/// Runs two writers, each of which commits once, and none before both have tried to open the store.
fn both_open_first(seed: u64, locks: Locks) -> (Trial, Vec<Outcome>, Vec<usize>) {
    let trial = Trial::small();
    trial.disk.start(Plan::none().with_locks(locks));
    let (path, opened) = (trial.path(), AtomicUsize::new(0));
    let wait = |disk: &dyn Disk| {
        opened.fetch_add(1, Ordering::Relaxed);
        while opened.load(Ordering::Relaxed) < 2 {
            // A call passes the turn on.
            disk.list(&path).unwrap();
        }
    };
    let job = || -> Job<'_, Outcome> { Box::new(|disk| commit(&path, disk, 1, wait)) };
    let disk: Arc<dyn Disk> = Arc::new(trial.disk.clone());
    let (outcomes, order) = Turns::run(seed, &disk, vec![job(), job()]);
    (trial, outcomes, order)
}

#[test]
fn of_two_writers_exactly_one_wins_and_the_other_says_why() {
    let (mut winners, mut orders) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..INTERLEAVINGS {
        let locks = [Locks::Hold, Locks::DoNothing][usize::from(seed % 2 == 1)];
        let _trying = Trying(format!("seed {seed} with {locks:?}"));
        let (trial, outcomes, order) = both_open_first(seed, locks);
        let winner = outcomes.iter().position(|(done, _)| *done == 1).unwrap();
        let (done, refusal) = &outcomes[1 - winner];
        assert_eq!(*done, 0, "both committed");
        let refusal = refusal.as_ref().unwrap();
        let (kind, words) = match locks {
            Locks::Hold => (Locked, format!("process {}", std::process::id())),
            Locks::DoNothing => (Fenced, "another writer published manifest 4 first".to_owned()),
        };
        assert_eq!(refusal.kind(), kind, "{refusal}");
        assert!(refusal.to_string().contains(&words), "{refusal}");
        assert_eq!(trial.end(Some(Loss::Unsynced)), AFTER);
        trial.goes_on(AFTER);
        winners.insert((locks == Locks::Hold, winner));
        orders.insert(order);
    }
    assert_eq!(winners.len(), 4, "each wins now and then: {winners:?}");
    assert!(orders.len() > 90, "{} different interleavings", orders.len());
}

/// The second opens the store in the midst of the first's commits, and may take its files for leftovers.
#[test]
fn a_writer_that_opens_while_another_commits_unnoticed_leaves_the_store_whole() {
    let mut outcomes_met = BTreeSet::new();
    for seed in 0..INTERLEAVINGS {
        let _trying = Trying(format!("seed {seed}"));
        let trial = Trial::small();
        trial.disk.start(Plan::none().with_locks(Locks::DoNothing));
        let path = trial.path();
        let job = |calls_before: u64| -> Job<'_, Outcome> {
            let path = &path;
            Box::new(move |disk| {
                for _ in 0..calls_before {
                    disk.list(path).unwrap();
                }
                commit(path, disk, 3, |_| ())
            })
        };
        let disk: Arc<dyn Disk> = Arc::new(trial.disk.clone());
        let (outcomes, _) = Turns::run(seed, &disk, vec![job(0), job(seed * 3 / 2)]);
        let done = outcomes.iter().map(|(done, _)| *done).collect::<Vec<_>>();
        for (done, refusal) in &outcomes {
            match refusal {
                None => assert_eq!(*done, 3),
                Some(refusal) => assert_eq!(refusal.kind(), Fenced, "{refusal}"),
            }
        }
        assert!(done.contains(&3), "one of them goes on to its end: {outcomes:?}");
        let rows = BEFORE + 10 * i64::try_from(done.iter().sum::<usize>()).unwrap();
        assert_eq!(trial.end(Some(Loss::Unsynced)), rows);
        trial.goes_on(rows);
        outcomes_met.insert(done);
    }
    assert!(outcomes_met.len() > 3, "{outcomes_met:?}");
}
