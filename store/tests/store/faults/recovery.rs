//! The calls of opening a store that a crash has left, and what a failure at each of them means.

use quipu_disk::{Fault, Op, Plan};
use quipu_store::StoreErrorKind;

use super::{AFTER, BEFORE, Numbered, On, Trial, Trying, ends, faults, numbered, rewrite};

/// What holds when a call of opening has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The store is not opened, and what it holds is as it was.
    Refuse,
    /// It is opened.
    GoOn,
}
use Then::{GoOn, Refuse};

/// The crash points of recovery. In no case does the store hold anything else afterwards.
#[rustfmt::skip]
const CRASH_POINTS: [(Op, On, Then, &str); 20] = [
    (Op::List, On::Root, Refuse, "whether there is a store is unknown"),
    (Op::Read, On::Format, Refuse, "whether it is a store is unknown"),
    (Op::OpenLock, On::Lock, Refuse, "another process may write"),
    (Op::SyncDir, On::Root, Refuse, "what an earlier process has made may not be durable"),
    (Op::SyncDir, On::ManifestFolder, Refuse, "the newest manifest may not be durable"),
    (Op::SyncDir, On::SegmentFolder, Refuse, "folders of tables may not be durable"),
    (Op::List, On::ManifestFolder, Refuse, "which manifest is the newest is unknown"),
    (Op::Read, On::Manifest, Refuse, "what the store holds is unknown"),
    (Op::Read, On::Old, GoOn, "then all segments stay"),
    (Op::List, On::SegmentFolder, Refuse, "which folders are there is unknown"),
    (Op::CreateDir, On::Leases, Refuse, "readers need it"),
    (Op::List, On::Leases, Refuse, "what readers need is unknown"),
    (Op::List, On::TableFolder, Refuse, "whether all segments are there is unknown"),
    (Op::Remove, On::UnfinishedSegment, GoOn, "the next open removes it"),
    (Op::Remove, On::UnfinishedManifest, GoOn, "the next open removes it"),
    (Op::Remove, On::Old, GoOn, "the next open removes it"),
    (Op::Create, On::UnfinishedManifest, Refuse, "nothing may be removed before others are fenced"),
    (Op::Write, On::UnfinishedManifest, Refuse, "nothing may be removed before others are fenced"),
    (Op::Sync, On::UnfinishedManifest, Refuse, "what the disk holds is unknown"),
    (Op::HardLink, On::Manifest, Refuse, "whether others are fenced is unknown"),
];

/// Where the process has died, in a commit that brings a store from [`BEFORE`] to [`AFTER`]: in the first call of its
/// kind.
const DEATHS: [(Op, On); 4] = [
    (Op::Write, On::UnfinishedSegment),
    (Op::SyncDir, On::TableFolder),
    (Op::Write, On::UnfinishedManifest),
    (Op::HardLink, On::Manifest),
];

/// Opens the store and makes the commit. Gives how many calls came before it, too.
fn commit(trial: &Trial, plan: Plan) -> (usize, bool) {
    trial.disk.start(plan);
    let mut writer = trial.open().unwrap();
    let opened = trial.disk.calls().len();
    let commit = rewrite(&writer, AFTER);
    (opened, writer.commit(commit).is_ok())
}

/// The numbers of the calls in which the process dies.
fn deaths() -> [usize; DEATHS.len()] {
    let trial = Trial::small();
    let (opened, _) = commit(&trial, Plan::none());
    let calls = numbered(&trial.disk.calls(), opened);
    DEATHS.map(|death| calls.iter().find(|call| (call.1, call.2) == death).unwrap().0)
}

/// A store whose writer died there.
fn left_by(death: usize) -> Trial {
    let trial = Trial::small();
    assert!(!commit(&trial, Plan::at(death, Fault::DieWithin)).1);
    trial.disk.start(Plan::none());
    trial
}

fn calls(death: usize) -> Vec<Numbered> {
    let trial = left_by(death);
    drop(trial.open().unwrap());
    numbered(&trial.disk.calls(), 0)
}

fn point(call: Numbered) -> Then {
    let rows: Vec<_> = CRASH_POINTS
        .iter()
        .filter(|(op, on, ..)| (*op, *on) == (call.1, call.2))
        .collect();
    let [(_, _, then, _)] = rows[..] else {
        panic!("{call:?} is {} crash points of the table", rows.len());
    };
    *then
}

#[test]
fn each_call_of_recovery_is_one_crash_point_of_the_table_and_each_of_these_is_met() {
    let calls: Vec<Numbered> = deaths().into_iter().flat_map(calls).collect();
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

/// Tries every such fault of every call.
fn each(deadly: bool, check: impl Fn(&Trial, Numbered, Fault)) {
    for death in deaths() {
        for (trial, (call, fault)) in faults(&calls(death), deadly).into_iter().enumerate() {
            // One end each, as there are so many: they take turns.
            let end = [ends(call)[1], None][trial % 2];
            let _trying = Trying(format!(
                "{fault:?} at {call:?} after a death at {death}, then {end:?}"
            ));
            let trial = left_by(death);
            let before = trial.at();
            trial.disk.start(Plan::at(call.0, fault));
            check(&trial, call, fault);
            trial.disk.start(Plan::none());
            assert_eq!(trial.at(), before);
            let at = trial.end(end);
            // A name that nobody has synced may go.
            let in_doubt = before == AFTER && end.is_some();
            assert!(at == before || in_doubt && at == BEFORE, "{at}");
            trial.goes_on(at);
        }
    }
}

#[test]
fn after_a_call_of_recovery_that_failed_holds_what_the_table_says() {
    each(false, |trial, call, fault| {
        let then = if fault == Fault::Short { GoOn } else { point(call) };
        match trial.open() {
            Ok(_) => assert_eq!(then, GoOn),
            Err(error) => {
                assert_eq!(then, Refuse, "{error}");
                assert_eq!(error.kind(), StoreErrorKind::Io, "{error}");
            }
        }
        if call.1.is_sync() {
            assert_eq!(trial.disk.writes_after_a_failed_sync(), []);
        }
    });
}

#[test]
fn a_death_in_recovery_changes_nothing() {
    each(true, |trial, _, _| {
        drop(trial.open());
        assert!(trial.disk.is_dead());
    });
}
