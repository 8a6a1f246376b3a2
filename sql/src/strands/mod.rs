//! The ledger by strands: what each counter lacks.
//!
//! A thread whose numbers all came once has one counter, and its runs in the ledger are all there is to say. The others,
//! the contested ones, are few: they have copies, or several counters. Their messages are read from the fact tables and
//! dealt to counters by [`quipu_store::sequence::strands`]. Both is done once a session, when a statement first names
//! something that depends on it.
//!
//! | file | holds |
//! |---|---|
//! | `ledger.sql`, `ledger.rs` | the pass over the ledger |
//! | `runs.rs` | runs of one counter, and what is missing between them |
//! | `evidence.sql`, `evidence.rs` | the messages of contested threads |
//! | `rows.rs` | the result as tables: `system.contested_threads`, `system.split_runs`, `system.missing_numbers` |
//!
//! A contested thread whose messages are not all in the store any more cannot be split: it stays one strand, and none of
//! its gaps is called exact.

mod evidence;
mod ledger;
mod rows;
mod runs;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use quipu_store::Head;
use quipu_store::sequence::strands::{Strands, split};

use crate::catalog::Source;
use runs::Missing;

pub(crate) use rows::{contested_threads, missing_numbers, split_runs};

/// Messages that are held in memory at once while threads are split, at about 100 bytes each.
const MESSAGES_MAX: u64 = 4_000_000;

/// The name of a thread within a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThreadName {
    pub(crate) topic: String,
    pub(crate) incarnation: String,
    pub(crate) tenant_id: String,
    pub(crate) thread_id: String,
}

/// What the counters of all threads lack.
#[derive(Debug)]
pub(crate) struct Account {
    /// The threads in which some number came more than once, by name.
    pub(crate) contested: Vec<ContestedThread>,
    /// What the other threads lack, by name.
    pub(crate) missing: Vec<(ThreadName, Vec<Missing>)>,
}

/// A thread in which some number came more than once.
#[derive(Debug)]
pub(crate) struct ContestedThread {
    pub(crate) name: ThreadName,
    /// Numbered messages that the ledger has of it.
    pub(crate) messages: u64,
    pub(crate) head: Head,
    /// What it lacks if it is taken as one strand.
    pub(crate) missing: Vec<Missing>,
    /// None if not all of its messages are in the store.
    pub(crate) strands: Option<NamedStrands>,
}

/// The strands of a thread, with the names of their nodes.
#[derive(Debug)]
pub(crate) struct NamedStrands {
    pub(crate) strands: Strands,
    /// Node 1 is the first of these.
    pub(crate) nodes: Vec<String>,
}

/// The account of the snapshot.
pub(crate) async fn account(source: &Source) -> Result<Account> {
    let state = source.state()?;
    let ledger::Walk {
        mut contested,
        mut missing,
    } = ledger::walk(source, &state).await?;
    contested.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    missing.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut rest = &mut contested[..];
    while !rest.is_empty() {
        let (portion, others) = rest.split_at_mut(portion(rest));
        split_all(&state, portion).await?;
        rest = others;
    }
    Ok(Account { contested, missing })
}

/// How many of these threads fit into memory together: at least one.
fn portion(threads: &[ContestedThread]) -> usize {
    let mut messages = 0_u64;
    let fitting = threads.iter().take_while(|thread| {
        messages = messages.saturating_add(thread.messages);
        messages <= MESSAGES_MAX
    });
    fitting.count().max(1)
}

async fn split_all(state: &SessionState, threads: &mut [ContestedThread]) -> Result<()> {
    let found = evidence::read(state, threads).await?;
    for (thread, found) in threads.iter_mut().zip(found) {
        if found.messages.len() as u64 == thread.messages {
            thread.strands = Some(NamedStrands {
                strands: split(found.messages, thread.head),
                nodes: found.nodes,
            });
        }
    }
    Ok(())
}

/// The columns that name a thread.
struct Names {
    topic: StringViewArray,
    incarnation: StringViewArray,
    tenant_id: StringViewArray,
    thread_id: StringViewArray,
}

impl Names {
    fn of(batch: &RecordBatch) -> Result<Self> {
        Ok(Self {
            topic: texts(batch, "topic")?,
            incarnation: texts(batch, "incarnation")?,
            tenant_id: texts(batch, "tenant_id")?,
            thread_id: texts(batch, "thread_id")?,
        })
    }

    fn topic(&self, row: usize) -> &str {
        self.topic.value(row)
    }

    fn incarnation(&self, row: usize) -> &str {
        self.incarnation.value(row)
    }

    fn tenant_id(&self, row: usize) -> &str {
        self.tenant_id.value(row)
    }

    fn thread_id(&self, row: usize) -> &str {
        self.thread_id.value(row)
    }

    /// Bytes that are equal for equal names only.
    fn key(&self, row: usize, key: &mut Vec<u8>) {
        key.clear();
        for name in [
            self.topic(row),
            self.incarnation(row),
            self.tenant_id(row),
            self.thread_id(row),
        ] {
            key.extend_from_slice(&(name.len() as u64).to_le_bytes());
            key.extend_from_slice(name.as_bytes());
        }
    }

    fn is(&self, row: usize, name: &ThreadName) -> bool {
        self.thread_id.value(row) == name.thread_id
            && self.tenant_id.value(row) == name.tenant_id
            && self.topic.value(row) == name.topic
            && self.incarnation.value(row) == name.incarnation
    }
}

/// A column of a batch, in the type that is wanted.
pub(crate) fn column(batch: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| DataFusionError::Internal(format!("there is no column {name}")))?;
    Ok(cast(column, data_type)?)
}

pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Result<StringViewArray> {
    Ok(column(batch, name, &DataType::Utf8View)?.as_string_view().clone())
}

pub(crate) fn flags(batch: &RecordBatch, name: &str) -> Result<BooleanArray> {
    Ok(column(batch, name, &DataType::Boolean)?.as_boolean().clone())
}

pub(crate) fn numbers<T: ArrowPrimitiveType>(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    column(batch, name, &T::DATA_TYPE)
}
