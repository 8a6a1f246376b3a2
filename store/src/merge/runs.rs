//! Rows of `sequence_runs`, where those that touch become one.
//!
//! Every source is sorted by name: topic, incarnation, partition, tenant, thread. So the rows of one thread come
//! together when the sources are read side by side, whatever their number, and only those are in memory. They are joined
//! as the runs of one commit are: within each emitter; across emitters as long as no number came from two. Rows that
//! differ in `head` are never joined.
//!
//! The number of messages of a joined row is the sum, so that it still tells by how much they exceed the numbers.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{
    Array as _, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};

use super::rows::GROUP_ROWS;
use super::source::Source;
use crate::error::{Result, StoreError};
use crate::manifest::Head;
use crate::sequence::run_builders::{RunName, RunRows};
use crate::sequence::run_rows::{RunEmitter, arranged, joined};
use crate::sequence::runs::Run;
use crate::sequence::thread::NO_TIME;

/// Text of a row group beyond which the next begins.
const GROUP_TEXT_BYTES: usize = 16 << 20;

/// Gives out the rows of sources, joined, row group by row group.
pub(super) fn each_group(
    sources: impl Iterator<Item = Result<Source>>,
    mut give: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut cursors = Vec::new();
    for source in sources {
        let mut cursor = Cursor::new(source?);
        if cursor.refill()? {
            cursors.push(cursor);
        }
    }
    let mut rows = RunRows::default();
    let mut name = OwnedName::default();
    let mut runs = Vec::new();
    let mut began = false;
    while let Some(first) = cursors.iter().min_by(|a, b| a.name().cmp(&b.name())) {
        if began && first.name() <= name.get() {
            return Err(StoreError::damaged(
                first.source.path(),
                "its rows are not sorted by name",
            ));
        }
        name.set(&first.name());
        began = true;
        let mut ended = false;
        for cursor in &mut cursors {
            while !cursor.ended && cursor.name() == name.get() {
                runs.push(cursor.run()?);
                cursor.advance()?;
            }
            ended |= cursor.ended;
        }
        if ended {
            cursors.retain(|cursor| !cursor.ended);
        }
        push_joined(&mut rows, &name.get(), &mut runs);
        runs.clear();
        if rows.len() >= GROUP_ROWS || rows.text_bytes() >= GROUP_TEXT_BYTES {
            give(finished(std::mem::take(&mut rows))?)?;
        }
    }
    if rows.len() > 0 {
        give(finished(rows)?)?;
    }
    Ok(())
}

fn finished(rows: RunRows) -> Result<RecordBatch> {
    rows.try_finish()
        .map_err(|error| StoreError::Invalid(format!("joined runs make no batch: {error}")))
}

/// A row without its name.
#[derive(Clone, Copy, Debug)]
struct Row {
    head: Head,
    emitter: RunEmitter,
    run: Run,
}

/// Joins the rows of one thread.
fn push_joined(rows: &mut RunRows, name: &Name<'_>, runs: &mut [Row]) {
    runs.sort_unstable_by_key(|row| (row.head, row.run.first, row.run.first_offset));
    for runs in runs.chunk_by(|a, b| a.head == b.head) {
        let lists = RunEmitter::ALL.map(|emitter| {
            let of = runs.iter().filter(|row| row.emitter == emitter);
            joined(of.map(|row| &row.run))
        });
        let name = RunName {
            topic: name.0,
            incarnation: name.1,
            partition: name.2,
            tenant_id: name.3,
            thread_id: name.4,
            head: runs[0].head,
        };
        arranged(lists, |emitter, run| rows.push(&name, emitter, run));
    }
}

/// Topic, incarnation, partition, tenant, thread: in the order in which rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(&'a str, &'a str, i32, &'a str, &'a str);

#[derive(Debug, Default)]
struct OwnedName(String, String, i32, String, String);

impl OwnedName {
    fn set(&mut self, name: &Name<'_>) {
        for (text, new) in [
            (&mut self.0, name.0),
            (&mut self.1, name.1),
            (&mut self.3, name.3),
            (&mut self.4, name.4),
        ] {
            new.clone_into(text);
        }
        self.2 = name.2;
    }

    fn get(&self) -> Name<'_> {
        Name(&self.0, &self.1, self.2, &self.3, &self.4)
    }
}

/// One source and its next row.
struct Cursor {
    source: Source,
    columns: Option<Columns>,
    row: usize,
    ended: bool,
}

impl Cursor {
    fn new(source: Source) -> Self {
        Self {
            source,
            columns: None,
            row: 0,
            ended: false,
        }
    }

    /// Reads the next batch. False at the end.
    fn refill(&mut self) -> Result<bool> {
        self.row = 0;
        self.columns = None;
        for batch in self.source.by_ref() {
            let batch = batch?;
            if batch.num_rows() > 0 {
                self.columns = Some(Columns::of(&batch));
                return Ok(true);
            }
        }
        self.ended = true;
        Ok(false)
    }

    fn advance(&mut self) -> Result<()> {
        self.row += 1;
        let rows = self.columns.as_ref().map_or(0, |columns| columns.first.len());
        if self.row >= rows {
            self.refill()?;
        }
        Ok(())
    }

    fn columns(&self) -> &Columns {
        self.columns
            .as_ref()
            .expect("a cursor that has not ended is at a row")
    }

    fn name(&self) -> Name<'_> {
        let (columns, row) = (self.columns(), self.row);
        Name(
            columns.topic.value(row),
            columns.incarnation.value(row),
            columns.partition.value(row),
            columns.tenant_id.value(row),
            columns.thread_id.value(row),
        )
    }

    fn run(&self) -> Result<Row> {
        let (columns, row) = (self.columns(), self.row);
        let unknown =
            |text: &str| StoreError::damaged(self.source.path(), format!("{text:?} is unknown in its rows"));
        let (emitter, head) = (columns.emitter.value(row), columns.head.value(row));
        let time = |times: &TimestampMicrosecondArray| {
            if times.is_null(row) {
                NO_TIME
            } else {
                times.value(row)
            }
        };
        Ok(Row {
            head: [Head::FromOne, Head::Unknown]
                .into_iter()
                .find(|known| known.as_str() == head)
                .ok_or_else(|| unknown(head))?,
            emitter: RunEmitter::ALL
                .into_iter()
                .find(|known| known.as_str() == emitter)
                .ok_or_else(|| unknown(emitter))?,
            run: Run {
                first: columns.first.value(row),
                last: columns.last.value(row),
                messages: columns.messages.value(row).unsigned_abs(),
                first_time: time(&columns.first_time),
                last_time: time(&columns.last_time),
                first_offset: columns.first_offset.value(row),
                last_offset: columns.last_offset.value(row),
            },
        })
    }
}

/// The columns of one batch.
struct Columns {
    topic: Choices,
    incarnation: Choices,
    partition: Int32Array,
    tenant_id: StringArray,
    thread_id: StringArray,
    emitter: Choices,
    first: UInt64Array,
    last: UInt64Array,
    messages: Int64Array,
    first_time: TimestampMicrosecondArray,
    last_time: TimestampMicrosecondArray,
    first_offset: Int64Array,
    last_offset: Int64Array,
    head: Choices,
}

impl Columns {
    /// Of a batch that has the columns of `sequence_runs`, as a source gives them.
    fn of(batch: &RecordBatch) -> Self {
        let long = |index: usize| batch.column(index).as_primitive::<Int64Type>().clone();
        let number = |index: usize| batch.column(index).as_primitive::<UInt64Type>().clone();
        let text = |index: usize| batch.column(index).as_string::<i32>().clone();
        let time = |index: usize| {
            let times = batch.column(index).as_primitive::<TimestampMicrosecondType>();
            times.clone()
        };
        let choices = |index: usize| Choices::of(batch.column(index).as_dictionary::<Int32Type>());
        Self {
            topic: choices(0),
            incarnation: choices(1),
            partition: batch.column(2).as_primitive::<Int32Type>().clone(),
            tenant_id: text(3),
            thread_id: text(4),
            emitter: choices(5),
            first: number(6),
            last: number(7),
            messages: long(8),
            first_time: time(9),
            last_time: time(10),
            first_offset: long(11),
            last_offset: long(12),
            head: choices(13),
        }
    }
}

/// A column of few different texts.
struct Choices {
    keys: Int32Array,
    values: StringArray,
}

impl Choices {
    fn of(column: &DictionaryArray<Int32Type>) -> Self {
        Self {
            keys: column.keys().clone(),
            values: column.values().as_string::<i32>().clone(),
        }
    }

    fn value(&self, row: usize) -> &str {
        self.values.value(self.keys.value(row) as usize)
    }
}
