//! Contested threads and their strands as rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use quipu_store::sequence::strands::{Certainty, Strand, StrandRun};

use super::runs::{Missing, Neighbour, missing_of};
use super::{Account, ContestedThread, NamedStrands, ThreadName};

/// `system.contested_threads`: one row per thread in which some number came more than once. `is_split` tells whether
/// its messages are all in the store, so that they could be dealt to strands, whose number is `strands` then.
pub(crate) fn contested_threads(threads: &[ContestedThread]) -> Result<RecordBatch> {
    let strands = |thread: &ContestedThread| {
        let named = thread.strands.as_ref()?;
        i32::try_from(named.strands.strands.len()).ok()
    };
    let mut columns = names(threads.iter().map(|thread| &thread.name));
    columns.extend([
        column(
            "messages",
            Arc::new(UInt64Array::from_iter_values(
                threads.iter().map(|thread| thread.messages),
            )),
        ),
        column(
            "is_split",
            Arc::new(BooleanArray::from_iter(
                threads.iter().map(|thread| Some(thread.strands.is_some())),
            )),
        ),
        column(
            "strands",
            Arc::new(Int32Array::from_iter(threads.iter().map(strands))),
        ),
    ]);
    batch(columns)
}

/// One run of a strand, with all that it belongs to.
struct Row<'a> {
    thread: &'a ContestedThread,
    number: i32,
    strand: &'a Strand,
    node: Option<&'a str>,
    run: &'a StrandRun,
}

/// `system.split_runs`: the runs of the strands of contested threads: what `sequence_runs` is to the others. One row
/// per unbroken run of numbers of a strand in one partition; strands are numbered from 1 in each thread.
pub(crate) fn split_runs(threads: &[ContestedThread]) -> Result<RecordBatch> {
    let rows: Vec<Row<'_>> = threads.iter().flat_map(rows_of).collect();
    let each = || rows.iter();
    let texts = |text: fn(&Row<'_>) -> &'static str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(each().map(text)))
    };
    let numbers = |number: fn(&StrandRun) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(each().map(|row| number(row.run))))
    };
    let offsets = |offset: fn(&StrandRun) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(each().map(|row| offset(row.run))))
    };
    let times = |time: fn(&StrandRun) -> Option<i64>| -> ArrayRef {
        let times = each().map(|row| time(row.run));
        Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC"))
    };
    let mut columns = names(each().map(|row| &row.thread.name));
    columns.extend([
        column(
            "partition",
            Arc::new(Int32Array::from_iter_values(each().map(|row| row.run.partition))),
        ),
        column(
            "strand",
            Arc::new(Int32Array::from_iter_values(each().map(|row| row.number))),
        ),
        column("kind", texts(|row| row.strand.kind.as_str())),
        column(
            "node_id",
            Arc::new(StringViewArray::from_iter(each().map(|row| row.node))),
        ),
        column("certainty", texts(|row| row.strand.certainty.as_str())),
        column("first_sequence", numbers(|run| run.first)),
        column("last_sequence", numbers(|run| run.last)),
        column(
            "messages",
            offsets(|run| i64::try_from(run.messages).unwrap_or(i64::MAX)),
        ),
        column("first_time", times(|run| run.first_time)),
        column("last_time", times(|run| run.last_time)),
        column("first_offset", offsets(|run| run.first_offset)),
        column("last_offset", offsets(|run| run.last_offset)),
        column("head", texts(|row| row.strand.head.as_str())),
    ]);
    batch(columns)
}

fn rows_of(thread: &ContestedThread) -> impl Iterator<Item = Row<'_>> {
    let strands = thread.strands.iter().flat_map(|named| {
        let NamedStrands { strands, nodes } = named;
        strands
            .strands
            .iter()
            .zip(1..)
            .map(move |(strand, number)| (strand, number, nodes))
    });
    strands.flat_map(move |(strand, number, nodes)| {
        let node = (strand.node as usize).checked_sub(1);
        let node = node.and_then(|index| nodes.get(index)).map(String::as_str);
        strand.runs.iter().map(move |run| Row {
            thread,
            number,
            strand,
            node,
            run,
        })
    })
}

/// One range of missing numbers, with all that it belongs to.
struct Gap<'a> {
    thread: &'a ThreadName,
    strand: i32,
    /// Whether the thread has several strands.
    is_one_of_several: bool,
    certainty: Certainty,
    missing: Missing,
}

/// `system.missing_numbers`: one row per unbroken range of numbers of a strand that never came below one that did, with
/// the messages before (null at a missing head) and after it. What view `gaps` is made of. `id` counts the rows.
pub(crate) fn missing_numbers(account: &Account) -> Result<RecordBatch> {
    let single = account.missing.iter().flat_map(|(thread, missing)| {
        missing.iter().map(move |missing| Gap {
            thread,
            strand: 1,
            is_one_of_several: false,
            certainty: Certainty::Exact,
            missing: *missing,
        })
    });
    let gaps: Vec<Gap<'_>> = single.chain(account.contested.iter().flat_map(gaps_of)).collect();
    let each = || gaps.iter();
    let numbers = |number: fn(&Missing) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(
            each().map(|gap| number(&gap.missing)),
        ))
    };
    let ids = (0..).take(gaps.len());
    let mut columns = vec![column("id", Arc::new(Int64Array::from_iter_values(ids)))];
    columns.extend(names(each().map(|gap| gap.thread)));
    columns.extend([
        column(
            "strand",
            Arc::new(Int32Array::from_iter_values(each().map(|gap| gap.strand))),
        ),
        column(
            "is_one_of_several",
            Arc::new(BooleanArray::from_iter(
                each().map(|gap| Some(gap.is_one_of_several)),
            )),
        ),
        column(
            "certainty",
            Arc::new(StringViewArray::from_iter_values(
                each().map(|gap| gap.certainty.as_str()),
            )),
        ),
        column("first_missing", numbers(|missing| missing.first)),
        column("last_missing", numbers(|missing| missing.last)),
        column("missing", numbers(|missing| missing.last - missing.first + 1)),
    ]);
    let before: Vec<Option<Neighbour>> = each().map(|gap| gap.missing.before).collect();
    let after: Vec<Option<Neighbour>> = each().map(|gap| Some(gap.missing.after)).collect();
    columns.extend(neighbours(
        ["prev_sequence", "prev_partition", "prev_offset", "prev_time"],
        &before,
    ));
    columns.extend(neighbours(
        ["next_sequence", "next_partition", "next_offset", "next_time"],
        &after,
    ));
    batch(columns)
}

fn gaps_of(thread: &ContestedThread) -> Vec<Gap<'_>> {
    let gap = |strand, is_one_of_several, certainty| {
        move |missing| Gap {
            thread: &thread.name,
            strand,
            is_one_of_several,
            certainty,
            missing,
        }
    };
    match &thread.strands {
        Some(named) => {
            let several = named.strands.strands.len() > 1;
            named
                .strands
                .strands
                .iter()
                .zip(1..)
                .flat_map(|(strand, number)| {
                    missing_of(strand)
                        .into_iter()
                        .map(gap(number, several, strand.certainty))
                })
                .collect()
        }
        None => thread
            .missing
            .iter()
            .copied()
            .map(gap(1, true, Certainty::Ambiguous))
            .collect(),
    }
}

/// Sequence, partition, offset and time of the messages beside gaps.
fn neighbours(names: [&'static str; 4], messages: &[Option<Neighbour>]) -> [(&'static str, ArrayRef); 4] {
    let each = || messages.iter();
    let times = each().map(|message| message.and_then(|message| message.time));
    let [sequence, partition, offset, time] = names;
    [
        column(
            sequence,
            Arc::new(UInt64Array::from_iter(
                each().map(|message| message.map(|message| message.sequence)),
            )),
        ),
        column(
            partition,
            Arc::new(Int32Array::from_iter(
                each().map(|message| message.map(|message| message.partition)),
            )),
        ),
        column(
            offset,
            Arc::new(Int64Array::from_iter(
                each().map(|message| message.map(|message| message.offset)),
            )),
        ),
        column(
            time,
            Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC")),
        ),
    ]
}

fn names<'a>(threads: impl Iterator<Item = &'a ThreadName> + Clone) -> Vec<(&'static str, ArrayRef)> {
    let texts = |text: fn(&ThreadName) -> &str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(threads.clone().map(text)))
    };
    vec![
        ("topic", texts(|thread| &thread.topic)),
        ("incarnation", texts(|thread| &thread.incarnation)),
        ("tenant_id", texts(|thread| &thread.tenant_id)),
        ("thread_id", texts(|thread| &thread.thread_id)),
    ]
}

fn column(name: &'static str, array: ArrayRef) -> (&'static str, ArrayRef) {
    (name, array)
}

/// A batch whose columns may be null where those of the ledger may.
fn batch(columns: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| {
            let nullable = matches!(array.data_type(), DataType::Timestamp(..))
                || ["node_id", "strands"].contains(name)
                || name.starts_with("prev_");
            Field::new(*name, array.data_type().clone(), nullable)
        })
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}
