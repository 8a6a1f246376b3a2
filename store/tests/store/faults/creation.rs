//! The calls of making a store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quipu_disk::{Fault, FaultyDisk, Loss, Plan};
use quipu_store::StoreErrorKind;

use super::{Trying, open_with};
use crate::common::{ten, whole};

/// Where the store is made: below a folder that is made with it.
fn path(base: &Path) -> PathBuf {
    base.join("new").join("store")
}

/// Makes a store, or opens what there is of it, and commits ten rows to it.
fn run(base: &Path, disk: &FaultyDisk, plan: Plan) -> Result<(), StoreErrorKind> {
    disk.start(plan);
    let opened = open_with(&path(base), Arc::new(disk.clone()));
    let mut writer = opened.map_err(|error| error.kind())?;
    let next = writer.manifest().partitions.first();
    let next = next.map_or(0, |state| state.next_offset.0);
    writer.commit(ten(next)).map(drop).map_err(|error| error.kind())
}

/// What the store is at; nothing where there is none.
fn at_now(base: &Path) -> i64 {
    let path = path(base);
    if path.join("FORMAT").exists() {
        whole(&path)
    } else {
        0
    }
}

#[test]
fn a_failure_while_a_store_is_made_leaves_something_that_opens_and_keeps_what_is_committed() {
    let base = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(base.path());
    run(base.path(), &disk, Plan::none()).unwrap();
    let calls = disk.calls();
    let mut outcomes = BTreeSet::new();
    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL.into_iter().filter(|fault| fault.fits(call.op)) {
            // They take turns, as there are so many.
            let losses = [Loss::Unsynced, Loss::Some(number as u64)];
            for end in [None, Some(losses[number % 2])] {
                let _trying = Trying(format!("{fault:?} at call {number}, {call:?}, then {end:?}"));
                let base = tempfile::tempdir().unwrap();
                let disk = FaultyDisk::new(base.path());
                let result = run(base.path(), &disk, Plan::at(number, fault));
                if let Some(loss) = end {
                    disk.power_loss(loss);
                }
                let at = at_now(base.path());
                assert!(at == 10 || result.is_err() && at == 0, "{result:?}, at {at}");
                outcomes.insert((result.is_ok(), at));
                assert_eq!(run(base.path(), &disk, Plan::none()), Ok(()));
                disk.power_loss(Loss::Unsynced);
                assert_eq!(at_now(base.path()), at + 10, "what was committed is durable");
            }
        }
    }
    assert_eq!(outcomes, BTreeSet::from([(false, 0), (false, 10), (true, 10)]));
}
