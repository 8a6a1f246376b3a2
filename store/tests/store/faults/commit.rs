//! The calls of a commit, and what a failure at each of them means.

use std::collections::BTreeSet;

use quipu_disk::{Errno, Fault, Loss, Op, Plan};
use quipu_store::{StoreErrorKind, Writer};

use super::{AFTER, BEFORE, Numbered, On, Trial, Trying, ends, faults, numbered, rewrite};

/// What holds when a call of a commit has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The commit fails, nothing of it is visible, and it may be tried again.
    Again,
    /// The commit fails, nothing of it is visible, and the writer writes no more.
    End,
    /// The commit fails, though it is visible; whether it is durable is in doubt. The writer writes no more.
    EndInDoubt,
    /// The commit is done.
    Done,
}
use Then::{Again, Done, End, EndInDoubt};

/// The crash points of a commit: what holds when the call fails, what when it is done and fails all the same, and why.
/// A process that dies there leaves the store as it was, or, from the name of the manifest on, with the commit.
#[rustfmt::skip]
const CRASH_POINTS: [(Op, On, Then, Then, &str); 14] = [
    (Op::Create, On::UnfinishedSegment, Again, Again, "nothing is promised yet"),
    (Op::Write, On::UnfinishedSegment, Again, Again, "nothing is promised yet"),
    (Op::Sync, On::UnfinishedSegment, End, End, "what the disk holds of it is unknown"),
    (Op::HardLink, On::Segment, End, End, "whether the name is there is unknown"),
    (Op::Remove, On::UnfinishedSegment, End, End, "what the folder holds is unknown"),
    (Op::SyncDir, On::TableFolder, End, End, "whether the name stays is unknown"),
    (Op::Create, On::UnfinishedManifest, Again, Again, "nothing is promised yet"),
    (Op::Write, On::UnfinishedManifest, Again, Again, "nothing is promised yet"),
    (Op::Sync, On::UnfinishedManifest, End, End, "what the disk holds of it is unknown"),
    (Op::HardLink, On::Manifest, End, EndInDoubt, "this name makes the commit"),
    (Op::Remove, On::UnfinishedManifest, Done, Done, "the next open removes it"),
    (Op::SyncDir, On::ManifestFolder, EndInDoubt, EndInDoubt, "the name is there, but may go"),
    (Op::List, On::Leases, Done, Done, "then nothing old is removed"),
    (Op::Remove, On::Old, Done, Done, "the next commit or open removes it"),
];

fn point(call: Numbered) -> (Then, Then) {
    let rows: Vec<_> = CRASH_POINTS
        .iter()
        .filter(|(op, on, ..)| (*op, *on) == (call.1, call.2))
        .collect();
    let [(_, _, fails, fails_after, _)] = rows[..] else {
        panic!("{call:?} is {} crash points of the table", rows.len());
    };
    (*fails, *fails_after)
}

/// The calls of the commit that is tried, when nothing goes wrong.
fn calls() -> Vec<Numbered> {
    let trial = Trial::full();
    let mut writer = trial.open().unwrap();
    let opened = trial.disk.calls().len();
    writer.commit(rewrite(&writer, AFTER)).unwrap();
    numbered(&trial.disk.calls(), opened)
}

/// Opens the store and tries the commit.
fn run(trial: &Trial, plan: Plan) -> (Writer, Result<(), StoreErrorKind>) {
    trial.disk.start(plan);
    let mut writer = trial.open().unwrap();
    let commit = rewrite(&writer, AFTER);
    let result = writer.commit(commit).map(drop).map_err(|error| error.kind());
    (writer, result)
}

#[test]
fn each_call_of_a_commit_is_one_crash_point_of_the_table_and_each_of_these_is_met() {
    let calls = calls();
    for call in &calls {
        point(*call);
    }
    for (op, on, ..) in CRASH_POINTS {
        assert!(
            calls.iter().any(|call| (call.1, call.2) == (op, on)),
            "{op:?} of {on:?} is not met"
        );
    }
}

#[test]
fn after_a_call_that_failed_holds_what_the_table_says() {
    for (call, fault) in faults(&calls(), false) {
        let (fails, fails_after) = point(call);
        let then = match fault {
            Fault::Short => Done,
            Fault::FailAfter => fails_after,
            _ => fails,
        };
        for end in ends(call) {
            let _trying = Trying(format!("{fault:?} at {call:?}, then {end:?}"));
            let trial = Trial::full();
            let (mut writer, result) = run(&trial, Plan::at(call.0, fault));
            assert_eq!(trial.disk.faulted().len(), 1);
            assert_eq!(result.is_ok(), then == Done, "{result:?}");
            let visible = matches!(then, Done | EndInDoubt);
            assert_eq!(trial.at(), if visible { AFTER } else { BEFORE });

            // The disk is well again.
            let again = rewrite(&writer, AFTER);
            let again = writer.commit(again).map(drop).map_err(|error| error.kind());
            match then {
                Again | Done => assert_eq!(again, Ok(())),
                End | EndInDoubt => assert_eq!(again, Err(StoreErrorKind::Poisoned)),
            }
            drop(writer);
            if call.1.is_sync() {
                assert_eq!(trial.disk.writes_after_a_failed_sync(), []);
            }
            let at = trial.end(end);
            match then {
                Again | Done => assert_eq!(at, AFTER),
                End => assert_eq!(at, BEFORE),
                EndInDoubt => assert!(at == AFTER || at == BEFORE && end.is_some(), "{at}"),
            }
            trial.goes_on(at);
        }
    }
}

#[test]
fn a_death_in_a_commit_leaves_all_of_it_or_nothing() {
    let mut outcomes = BTreeSet::new();
    for (call, fault) in faults(&calls(), true) {
        for end in ends(call) {
            let _trying = Trying(format!("{fault:?} at {call:?}, then {end:?}"));
            let trial = Trial::full();
            let (writer, result) = run(&trial, Plan::at(call.0, fault));
            assert!(trial.disk.is_dead());
            drop(writer);
            let at = trial.end(end);
            match result {
                Ok(()) => assert_eq!(at, AFTER),
                Err(_) => assert!(at == BEFORE || at == AFTER, "{at}"),
            }
            outcomes.insert((result.is_ok(), at));
            trial.goes_on(at);
        }
    }
    assert_eq!(
        outcomes,
        BTreeSet::from([(false, BEFORE), (false, AFTER), (true, AFTER)])
    );
}

/// What comes back from a disk that is full is room, once the writer has removed what it wrote.
#[test]
fn a_commit_that_found_the_disk_full_leaves_no_file() {
    let writes = calls().into_iter().filter(|call| call.1 == Op::Write);
    for call in writes {
        let trial = Trial::full();
        let before = crate::common::files(&trial.path());
        let (writer, result) = run(&trial, Plan::at(call.0, Fault::Fail(Errno::NoSpace)));
        assert!(result.is_err());
        assert_eq!(crate::common::files(&trial.path()), before, "{call:?}");
        drop(writer);
        trial.disk.power_loss(Loss::Unsynced);
        trial.goes_on(BEFORE);
    }
}
