//! Rows that were pressed ahead of their commit.

use quipu_disk::{Fault, Plan};
use quipu_store::{Commit, StoreErrorKind};

use super::{AFTER, BEFORE, Numbered, Trial, Trying, ends, faults, numbered};
use crate::common::{position, ten};

/// Presses ten rows of each table ahead and commits them; false where a press has failed. Gives how many calls came
/// before, too.
fn run(trial: &Trial, plan: Plan) -> (usize, bool, Result<(), StoreErrorKind>, quipu_store::Writer) {
    trial.disk.start(plan);
    let mut writer = trial.open().unwrap();
    let opened = trial.disk.calls().len();
    let pressed = ten(BEFORE)
        .batches
        .into_iter()
        .all(|(table, batches)| writer.press(table, &batches[0]).is_ok());
    let result = writer.commit(positions());
    let result = result.map(drop).map_err(|error| error.kind());
    (opened, pressed, result, writer)
}

fn positions() -> Commit {
    Commit {
        partitions: vec![position(0, AFTER)],
        ..Commit::default()
    }
}

fn calls() -> Vec<Numbered> {
    let trial = Trial::small();
    let (opened, pressed, result, _writer) = run(&trial, Plan::none());
    assert!(pressed && result.is_ok());
    numbered(&trial.disk.calls(), opened)
}

#[test]
fn a_death_with_rows_pressed_ahead_leaves_all_of_them_or_none() {
    for (call, fault) in faults(&calls(), true) {
        for end in ends(call) {
            let _trying = Trying(format!("{fault:?} at {call:?}, then {end:?}"));
            let trial = Trial::small();
            let (_, _, result, writer) = run(&trial, Plan::at(call.0, fault));
            drop(writer);
            let at = trial.end(end);
            assert!(at == AFTER || result.is_err() && at == BEFORE, "{at}");
            trial.goes_on(at);
        }
    }
}

/// A commit that goes on without rows that were pressed ahead would move positions past them.
#[test]
fn a_writer_that_lost_pressed_rows_commits_nothing_more() {
    let mut refused = 0;
    for (call, fault) in faults(&calls(), false) {
        let _trying = Trying(format!("{fault:?} at {call:?}"));
        let trial = Trial::small();
        let (_, pressed, result, mut writer) = run(&trial, Plan::at(call.0, fault));
        if fault == Fault::Short {
            assert!(pressed);
        }
        if result.is_ok() {
            assert!(pressed);
            assert_eq!(trial.at(), AFTER);
            continue;
        }
        // The disk is well again.
        let error = writer.commit(positions()).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Poisoned, "{error}");
        assert!(error.to_string().contains("reopen"), "{error}");
        refused += 1;
        drop(writer);
        trial.goes_on(trial.at());
    }
    assert!(refused > 20, "{refused} refusals");
}
