//! Rows that were pressed ahead of their commit.

use std::sync::Arc;

use arrow_array::{BinaryArray, RecordBatch};
use quipu_disk::{Fault, Op, Plan};
use quipu_proto::Table;
use quipu_store::{Commit, Reader, Result, StoreErrorKind, Writer};

use super::{AFTER, BEFORE, Numbered, On, Trial, Trying, ends, faults, numbered};
use crate::common::{files_like, position, rows, ten};

/// Presses ten rows of each table ahead and commits them; false where a press has failed. Gives how many calls came
/// before, too.
fn run(trial: &Trial, plan: Plan) -> (usize, bool, std::result::Result<(), StoreErrorKind>, Writer) {
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

/// Rows with a megabyte of ids that no codec shortens: they reach the disk before their segment ends.
fn many_rows() -> RecordBatch {
    let batch = rows(Table::Events, BEFORE, 65_536);
    let mut state = 1_u64;
    let ids: Vec<[u8; 16]> = (0..batch.num_rows())
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (u128::from(state) << 64 | u128::from(state.rotate_left(29))).to_le_bytes()
        })
        .collect();
    let mut columns = batch.columns().to_vec();
    let index = batch.schema().index_of("message_id").unwrap();
    columns[index] = Arc::new(BinaryArray::from_iter_values(ids));
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Opens a store and presses [`many_rows`]; gives the calls that the press made.
fn press_many(trial: &Trial, plan: Plan) -> (Vec<Numbered>, Result<()>, Writer) {
    trial.disk.start(plan);
    let mut writer = trial.open().unwrap();
    let opened = trial.disk.calls().len();
    let pressed = writer.press(Table::Events, &many_rows());
    (numbered(&trial.disk.calls(), opened), pressed, writer)
}

#[test]
fn a_press_whose_write_fails_loses_its_rows_and_says_so() {
    let (calls, pressed, _writer) = press_many(&Trial::small(), Plan::none());
    pressed.unwrap();
    let writes: Vec<Numbered> = calls
        .into_iter()
        .filter(|(_, op, on)| (*op, *on) == (Op::Write, On::UnfinishedSegment))
        .collect();
    assert!(writes.len() > 2, "{writes:?}");
    for (call, fault) in faults(&writes, false) {
        let _trying = Trying(format!("{fault:?} at {call:?}"));
        let trial = Trial::small();
        let (_, pressed, mut writer) = press_many(&trial, Plan::at(call.0, fault));
        if fault == Fault::Short {
            pressed.unwrap();
            writer.commit(positions()).unwrap();
            let snapshot = Reader::open(trial.path()).unwrap().snapshot().unwrap();
            snapshot.verify().unwrap();
            assert_eq!(snapshot.manifest().rows(Table::Events), BEFORE as u64 + 65_536);
            continue;
        }
        assert_eq!(pressed.unwrap_err().kind(), StoreErrorKind::Io);
        assert!(files_like(&trial.path(), ".tmp-").is_empty());
        let error = writer.commit(positions()).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Poisoned, "{error}");
        drop(writer);
        trial.goes_on(BEFORE);
    }
}
