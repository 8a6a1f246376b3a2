//! What a store says, read from its segments.

use std::fmt::Display;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array as _, RecordBatch};
use quipu_proto::Table;
use quipu_store::{Reader, Snapshot, StoreErrorKind, read_segment};

use crate::account::{Account, Positions, Row, Run, join};

/// What a check found, in words.
pub(crate) type Found<T> = Result<T, String>;

pub(crate) fn words(error: impl Display) -> String {
    error.to_string()
}

/// The newest snapshot, whole; none where there is no store.
pub(crate) fn snapshot(store: &Path) -> Found<Option<Snapshot>> {
    let reader = match Reader::open(store) {
        Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(None),
        result => result.map_err(words)?,
    };
    let snapshot = reader.snapshot().map_err(words)?;
    snapshot.verify().map_err(words)?;
    Ok(Some(snapshot))
}

/// Where a store is; partitions of which nothing was read are left out.
pub(crate) fn positions(snapshot: &Snapshot) -> Positions {
    let states = snapshot.manifest().partitions.iter();
    states
        .filter(|state| state.next_offset > state.first_offset)
        .map(|state| (state.log.partition.0, state.next_offset.0))
        .collect()
}

/// What is compared of a fact.
const FACT_COLUMNS: [&str; 10] = [
    "partition",
    "offset",
    "item",
    "message_id",
    "time",
    "tenant_id",
    "thread_id",
    "sequence",
    "sequence_verdict",
    "repeated",
];

/// Reads everything.
pub(crate) fn account(snapshot: &Snapshot) -> Found<Account> {
    let mut account = Account::default();
    for segment in &snapshot.manifest().segments {
        let columns: &[&str] = if segment.table.is_fact() {
            &FACT_COLUMNS
        } else {
            &[]
        };
        for batch in read_segment(&snapshot.path_of(segment), segment, columns).map_err(words)? {
            let batch = batch.map_err(words)?;
            match segment.table {
                table if table.is_fact() => facts(&mut account, table, &batch)?,
                Table::DeadLetters => letters(&mut account, &batch)?,
                Table::OffsetHoles => holes(&mut account, &batch)?,
                Table::SequenceRuns => runs(&mut account, &batch),
                _ => {}
            }
        }
    }
    // Those of different commits, which need not lie in the order of offsets.
    for ((partition, first), (last, cause)) in std::mem::take(&mut account.holes) {
        account.hole(partition, first, last, &cause);
    }
    account.runs.values_mut().for_each(join);
    for state in &snapshot.manifest().partitions {
        if state.next_offset > state.first_offset {
            let last = state.last_record.map(|record| record.offset.0);
            let position = (state.next_offset.0, last);
            account.positions.insert(state.log.partition.0, position);
        }
    }
    Ok(account)
}

fn facts(account: &mut Account, table: Table, batch: &RecordBatch) -> Found<()> {
    let [tenant, thread, verdict] =
        ["tenant_id", "thread_id", "sequence_verdict"].map(|name| texts(batch, name));
    let id = batch["message_id"].as_binary::<i32>();
    let sequence = batch["sequence"].as_primitive::<UInt64Type>();
    let repeated = batch["repeated"].as_boolean();
    for row in 0..batch.num_rows() {
        let key = (
            table,
            batch["partition"].as_primitive::<Int32Type>().value(row),
            integer(batch, "offset", row),
            batch["item"].as_primitive::<Int32Type>().value(row),
        );
        let row = Row {
            tenant: tenant[row].clone(),
            thread: thread[row].clone(),
            sequence: sequence.value(row),
            verdict: verdict[row].clone(),
            repeated: repeated.value(row),
            id: id.value(row).to_vec(),
            time_us: time(batch, "time", row),
        };
        if account.rows.insert(key, row).is_some() {
            return Err(format!("two rows of {key:?}"));
        }
    }
    Ok(())
}

fn letters(account: &mut Account, batch: &RecordBatch) -> Found<()> {
    let reason = texts(batch, "reason");
    let payload = batch["payload"].as_binary::<i32>();
    for (row, reason) in reason.into_iter().enumerate() {
        let partition = batch["partition"].as_primitive::<Int32Type>().value(row);
        let key = (partition, integer(batch, "offset", row));
        let payload = payload.is_valid(row).then(|| payload.value(row).to_vec());
        if account.letters.insert(key, (reason, payload)).is_some() {
            return Err(format!("two dead letters of {key:?}"));
        }
    }
    Ok(())
}

fn holes(account: &mut Account, batch: &RecordBatch) -> Found<()> {
    for (row, cause) in texts(batch, "cause").into_iter().enumerate() {
        let partition = batch["partition"].as_primitive::<Int32Type>().value(row);
        let key = (partition, integer(batch, "first_offset", row));
        let last = integer(batch, "last_offset", row);
        if account.holes.insert(key, (last, cause)).is_some() {
            return Err(format!("two offset holes from {key:?} on"));
        }
    }
    Ok(())
}

fn runs(account: &mut Account, batch: &RecordBatch) {
    let [tenant, thread, head] = ["tenant_id", "thread_id", "head"].map(|name| texts(batch, name));
    let number = |name: &str, row| batch[name].as_primitive::<UInt64Type>().value(row);
    let seen = |end: &str, row| {
        let offset = integer(batch, &format!("{end}_offset"), row);
        (offset, time(batch, &format!("{end}_time"), row))
    };
    for row in 0..batch.num_rows() {
        let partition = batch["partition"].as_primitive::<Int32Type>().value(row);
        let key = (partition, tenant[row].clone(), thread[row].clone());
        account.runs.entry(key).or_default().push(Run {
            first: number("first_sequence", row),
            last: number("last_sequence", row),
            messages: integer(batch, "messages", row),
            first_seen: seen("first", row),
            last_seen: seen("last", row),
            head: head[row].clone(),
        });
    }
}

fn integer(batch: &RecordBatch, name: &str, row: usize) -> i64 {
    batch[name].as_primitive::<Int64Type>().value(row)
}

fn time(batch: &RecordBatch, name: &str, row: usize) -> i64 {
    batch[name].as_primitive::<TimestampMicrosecondType>().value(row)
}

/// A column of text, plain or dictionary encoded.
fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = &batch[name];
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            let values = dictionary.values().as_string::<i32>();
            let text = |key: Option<i32>| key.map_or("", |key| values.value(key as usize)).to_owned();
            dictionary.keys().iter().map(text).collect()
        }
        None => {
            let texts = column.as_string::<i32>().iter();
            texts.map(|text| text.unwrap_or_default().to_owned()).collect()
        }
    }
}

/// Says where two accounts differ first.
pub(crate) fn compare(seen: &Account, expected: &Account) -> Found<()> {
    same("rows", &seen.rows, &expected.rows)?;
    same("dead letters", &seen.letters, &expected.letters)?;
    same("offset holes", &seen.holes, &expected.holes)?;
    same("runs", &seen.runs, &expected.runs)?;
    same("positions", &seen.positions, &expected.positions)
}

fn same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    seen: &std::collections::BTreeMap<K, V>,
    expected: &std::collections::BTreeMap<K, V>,
) -> Found<()> {
    for (key, value) in expected {
        match seen.get(key) {
            Some(found) if found == value => {}
            found => return Err(format!("{what}: {key:?} is {found:?} instead of {value:?}")),
        }
    }
    match seen.keys().find(|key| !expected.contains_key(key)) {
        Some(key) => Err(format!("{what}: {key:?} is too much")),
        None => Ok(()),
    }
}
