//! The rows of a store, in a form that two stores can be compared by.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch, UInt32Array};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use quipu_proto::Table;
use quipu_store::{Reader, Snapshot, read_segment};

/// What sets a row apart from every other of its table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Topic.
    pub topic: String,
    /// Its life.
    pub incarnation: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Place within the record; 0 where the table has no such column.
    pub item: i32,
}

/// All rows of a table, sorted by identity.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The table.
    pub table: Table,
    /// One per row.
    pub identities: Vec<Identity>,
    /// The rows.
    pub batch: RecordBatch,
}

/// Tables whose rows come from one record each: the facts and the dead letters.
pub fn record_tables() -> impl Iterator<Item = Table> {
    Table::ALL
        .into_iter()
        .filter(|table| table.is_fact() || *table == Table::DeadLetters)
}

/// The newest snapshot of a store.
///
/// # Panics
/// Where there is no store, or a damaged one.
#[must_use]
pub fn snapshot(store: &Path) -> Snapshot {
    Reader::open(store).unwrap().snapshot().unwrap()
}

/// The rows of a table in one batch, in the order of segments.
///
/// # Panics
/// Where a segment cannot be read.
#[must_use]
pub fn read(snapshot: &Snapshot, table: Table) -> RecordBatch {
    let batches: Vec<RecordBatch> = snapshot
        .segments(table)
        .flat_map(|segment| read_segment(&snapshot.path_of(segment), segment, &[]).unwrap())
        .map(Result::unwrap)
        .collect();
    let schema = batches
        .first()
        .map_or_else(|| table.schema(), RecordBatch::schema);
    concat_batches(&schema, &batches).unwrap()
}

impl Rows {
    /// The rows of a table whose rows come from one record each.
    ///
    /// # Panics
    /// Where a segment cannot be read, or two rows have the same identity.
    #[must_use]
    pub fn read(snapshot: &Snapshot, table: Table) -> Self {
        let batch = read(snapshot, table);
        let topic = texts(&batch, "topic");
        let incarnation = texts(&batch, "incarnation");
        let partition = batch["partition"].as_primitive::<Int32Type>();
        let offset = batch["offset"].as_primitive::<Int64Type>();
        let item = batch
            .column_by_name("item")
            .map(|column| column.as_primitive::<Int32Type>());
        let mut rows: Vec<(Identity, u32)> = (0..batch.num_rows())
            .map(|row| {
                let identity = Identity {
                    topic: topic[row].clone(),
                    incarnation: incarnation[row].clone(),
                    partition: partition.value(row),
                    offset: offset.value(row),
                    item: item.map_or(0, |item| item.value(row)),
                };
                (identity, u32::try_from(row).unwrap())
            })
            .collect();
        rows.sort();
        for pair in rows.windows(2) {
            assert!(pair[0].0 != pair[1].0, "{table} has two rows of {:?}", pair[0].0);
        }
        let order: UInt32Array = rows.iter().map(|(_, row)| *row).collect();
        let batch = take_record_batch(&batch, &order).unwrap();
        Self {
            table,
            identities: rows.into_iter().map(|(identity, _)| identity).collect(),
            batch,
        }
    }

    /// Column of bytes or text by name, each value as bytes.
    ///
    /// # Panics
    /// Where there is no such column.
    #[must_use]
    pub fn bytes(&self, column: &str) -> Vec<Option<Vec<u8>>> {
        let column = &self.batch[column];
        let of = |row| match column.as_binary_opt::<i32>() {
            Some(bytes) => bytes.value(row).to_vec(),
            None => column.as_string::<i32>().value(row).as_bytes().to_vec(),
        };
        (0..column.len())
            .map(|row| column.is_valid(row).then(|| of(row)))
            .collect()
    }

    /// Column of text by name, plain or dictionary encoded; empty where null.
    #[must_use]
    pub fn texts(&self, column: &str) -> Vec<String> {
        texts(&self.batch, column)
    }

    /// Asserts that the other store has the same rows, none lost and none twice, with the same values in all columns
    /// but these.
    ///
    /// # Panics
    /// Where it has not, with the first difference.
    pub fn assert_same(&self, expected: &Self, but: &[&str]) {
        let table = self.table;
        for (ours, theirs) in self.identities.iter().zip(&expected.identities) {
            assert!(ours >= theirs, "{table}: a row too many: {ours:?}");
            assert!(ours <= theirs, "{table}: a row is lost: {theirs:?}");
        }
        assert_eq!(
            self.identities.len(),
            expected.identities.len(),
            "rows of {table}"
        );
        self.assert_same_columns(expected, but);
    }

    /// Asserts that row by row all columns but these have the same values.
    ///
    /// # Panics
    /// Where they have not, with the first difference.
    pub fn assert_same_columns(&self, expected: &Self, but: &[&str]) {
        for (index, field) in self.batch.schema().fields().iter().enumerate() {
            let (ours, theirs) = (self.batch.column(index), expected.batch.column(index));
            if but.contains(&field.name().as_str()) || ours == theirs {
                continue;
            }
            let row = (0..ours.len()).find(|row| ours.slice(*row, 1) != theirs.slice(*row, 1));
            let row = row.expect("columns that differ have a row that differs, or another type");
            panic!(
                "{}.{} of {:?}: {:?} instead of {:?}",
                self.table,
                field.name(),
                self.identities[row],
                ours.slice(row, 1),
                theirs.slice(row, 1)
            );
        }
    }

    /// Some of the rows, in that order.
    #[must_use]
    pub fn pick(&self, rows: &[usize]) -> Self {
        let order: UInt32Array = rows.iter().map(|row| u32::try_from(*row).unwrap()).collect();
        Self {
            table: self.table,
            identities: rows.iter().map(|row| self.identities[*row].clone()).collect(),
            batch: take_record_batch(&self.batch, &order).unwrap(),
        }
    }
}

/// A column of text, plain or dictionary encoded; empty where null.
///
/// # Panics
/// Where there is no such column.
#[must_use]
pub fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = &batch[column];
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            let values = dictionary.values().as_string::<i32>();
            let of = |key: Option<i32>| key.map_or("", |key| values.value(key as usize)).to_owned();
            dictionary.keys().iter().map(of).collect()
        }
        None => column
            .as_string::<i32>()
            .iter()
            .map(|text| text.unwrap_or_default().to_owned())
            .collect(),
    }
}

/// Asserts that two stores hold the same: every record table in all columns, the ledger and the offset holes joined over
/// commits, and the positions. Gives the number of rows compared.
///
/// # Panics
/// Where they do not, with the first difference.
pub fn assert_same_store(store: &Path, expected: &Path) -> usize {
    let (ours, theirs) = (snapshot(store), snapshot(expected));
    ours.verify().unwrap();
    let mut rows = 0;
    for table in record_tables() {
        let table_rows = Rows::read(&ours, table);
        table_rows.assert_same(&Rows::read(&theirs, table), &[]);
        rows += table_rows.identities.len();
    }
    crate::ledger::assert_same(&ours, &theirs);
    assert_accounted(&ours);
    rows
}

/// Asserts that every offset of every partition below the next one is rows, a dead letter or inside an offset hole, and
/// exactly one of these. A dead letter that was resolved is rows.
///
/// # Panics
/// Where one is not.
pub fn assert_accounted(snapshot: &Snapshot) {
    type Log = (String, String, i32);
    let mut offsets: BTreeMap<Log, BTreeMap<i64, &'static str>> = BTreeMap::new();
    let resolved: BTreeSet<Identity> = Rows::read(snapshot, Table::DeadLetterResolutions)
        .identities
        .into_iter()
        .collect();
    for table in record_tables() {
        // The events of a batch are rows of another table than the batch.
        let kind = if table == Table::DeadLetters {
            "a dead letter"
        } else {
            "rows"
        };
        for identity in Rows::read(snapshot, table).identities {
            if table == Table::DeadLetters && resolved.contains(&identity) {
                continue;
            }
            let log = (identity.topic, identity.incarnation, identity.partition);
            let before = offsets
                .entry(log.clone())
                .or_default()
                .insert(identity.offset, kind);
            assert!(
                before.is_none_or(|before| before == kind),
                "{log:?}: {} is rows and a dead letter",
                identity.offset
            );
        }
    }
    for hole in crate::ledger::holes(snapshot) {
        let log = (hole.topic.clone(), hole.incarnation.clone(), hole.partition);
        let offsets = offsets.entry(log.clone()).or_default();
        for offset in hole.first..=hole.last {
            let before = offsets.insert(offset, "a hole");
            assert!(
                before.is_none(),
                "{log:?}: offset {offset} is {before:?} and in {hole:?}"
            );
        }
    }
    for state in &snapshot.manifest().partitions {
        let log = &state.log;
        let name = (
            log.log.topic.to_string(),
            log.log.incarnation.to_string(),
            log.partition.0,
        );
        let accounted = offsets.remove(&name).unwrap_or_default();
        let due = state.first_offset.0..state.next_offset.0;
        let lost = due.clone().find(|offset| !accounted.contains_key(offset));
        assert!(
            lost.is_none(),
            "{log}: offset {lost:?} below {} is nothing",
            state.next_offset
        );
        assert_eq!(
            accounted.len() as i64,
            due.end - due.start,
            "{log}: offsets at or after {}",
            state.next_offset
        );
    }
    assert!(
        offsets.is_empty(),
        "rows of partitions without a position: {:?}",
        offsets.keys()
    );
}
