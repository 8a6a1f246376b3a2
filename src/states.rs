//! The state of a thread at a moment, as values of Rust.

use quipu_proto::state::Status;
use quipu_sql::arrow::array::{Array, AsArray, RecordBatch};
use quipu_sql::arrow::compute::cast;
use quipu_sql::arrow::datatypes::{DataType, Int64Type};

/// The state of a thread after its last step up to a moment.
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

/// Up to which moment messages count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// All that the store has.
    Newest,
    /// Those sent up to this time, in microseconds since the Unix epoch.
    Time(i64),
    /// Those of records up to this offset.
    Offset(i64),
}

/// The statement that asks for the state of a thread.
pub(crate) fn statement(tenant_id: &str, thread_id: &str, at: At) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (tenant, thread) = (text(tenant_id), text(thread_id));
    let arguments = match at {
        At::Newest => format!("{tenant}, {thread}"),
        At::Time(time) => format!("{tenant}, {thread}, to_timestamp_micros({time})"),
        At::Offset(offset) => format!("{tenant}, {thread}, {offset}"),
    };
    format!(
        "select topic, incarnation, step, kind, time, state, status, note from state_at({arguments}) \
         order by topic, incarnation"
    )
}

/// The rows of such a statement.
pub(crate) fn of_rows(rows: &RecordBatch) -> Vec<ThreadState> {
    let text = |name: &str, row: usize| {
        let column = rows.column_by_name(name)?.as_string_view_opt()?;
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let number = |name: &str, row: usize| {
        let column = cast(rows.column_by_name(name)?, &DataType::Int64).ok()?;
        let column = column.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    };
    let state = |row: usize| {
        Some(ThreadState {
            topic: text("topic", row)?,
            incarnation: text("incarnation", row)?,
            step: number("step", row)?,
            kind: text("kind", row)?,
            time_us: number("time", row),
            state: text("state", row),
            status: Status::from_name(&text("status", row)?)?,
            note: text("note", row),
        })
    };
    (0..rows.num_rows()).filter_map(state).collect()
}
