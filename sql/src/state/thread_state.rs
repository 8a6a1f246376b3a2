//! The state of a thread at a moment.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use quipu_proto::state::Status;

use crate::error::{Result, SqlError};
use crate::session::Session;

/// Up to which moment messages count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// All that the store has.
    #[default]
    Newest,
    /// Those sent up to this time, in microseconds since the Unix epoch.
    Time(i64),
    /// Those of records up to this offset.
    Offset(i64),
}

/// The state of a thread after the last message up to a moment that tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// The topic in which the thread lies.
    pub topic: String,
    /// The incarnation of the topic.
    pub incarnation: String,
    /// How many messages have told of the state so far.
    pub step: i64,
    /// What the last of them said: `initial`, `full`, `diff`, `unchanged` or `checkpoint`.
    pub kind: String,
    /// When it was sent, in microseconds since the Unix epoch; none if nobody says.
    pub time_us: Option<i64>,
    /// The state as canonical JSON; none if it is not known.
    pub state: Option<String>,
    /// Whether the producer's hash proves the state.
    pub status: Status,
    /// Why it is not proven, in one line.
    pub note: Option<String>,
}

/// The state of a thread at a moment, in each topic and incarnation in which it lies; empty if nothing tells of it. It is
/// what the function `state_at` gives in SQL.
///
/// # Errors
/// Those of running SQL over the store.
pub async fn thread_state(
    session: &Session,
    tenant_id: &str,
    thread_id: &str,
    at: At,
) -> Result<Vec<ThreadState>> {
    let batches = session.collect(&statement(tenant_id, thread_id, at)).await?;
    let mut states = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let state = read(batch, row);
            states.push(state.ok_or_else(|| SqlError::internal("a row of state_at lacks a column"))?);
        }
    }
    Ok(states)
}

fn statement(tenant_id: &str, thread_id: &str, at: At) -> String {
    let [tenant, thread] = [tenant_id, thread_id].map(|text| format!("'{}'", text.replace('\'', "''")));
    let moment = match at {
        At::Newest => String::new(),
        At::Time(time) => format!(", to_timestamp_micros({time})"),
        At::Offset(offset) => format!(", {offset}"),
    };
    format!(
        "select topic, incarnation, step, kind, time, state, status, note from state_at({tenant}, {thread}{moment}) \
         order by topic, incarnation"
    )
}

fn read(batch: &RecordBatch, row: usize) -> Option<ThreadState> {
    let text = |name: &str| {
        let texts = batch.column_by_name(name)?.as_string_view_opt()?;
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let time = batch
        .column_by_name("time")?
        .as_primitive_opt::<TimestampMicrosecondType>()?;
    Some(ThreadState {
        topic: text("topic")?,
        incarnation: text("incarnation")?,
        step: batch
            .column_by_name("step")?
            .as_primitive_opt::<Int64Type>()?
            .value(row),
        kind: text("kind")?,
        time_us: time.is_valid(row).then(|| time.value(row)),
        state: text("state"),
        status: Status::from_name(&text("status")?)?,
        note: text("note"),
    })
}
