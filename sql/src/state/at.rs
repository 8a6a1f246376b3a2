//! The last step up to a moment, in each log of a thread.

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use quipu_proto::state::{Status, Step, StepKind};
use serde_json::Value;

use super::history::History;
use super::messages::Message;
use super::table::{Rows, Thread, Wanted};
use super::walk::Stepped;

/// Up to when messages count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// All of them.
    Newest,
    /// Those up to this time, in microseconds since the Unix epoch, UTC.
    Time(i64),
    /// Those of records up to this offset.
    Offset(i64),
}

impl Moment {
    /// Whether a message counts.
    pub(super) fn admits(self, message: &Message<'_>) -> bool {
        match self {
            Self::Newest => true,
            Self::Time(time) => message.at.is_some_and(|at| at <= time),
            Self::Offset(offset) => message.offset <= offset,
        }
    }
}

/// The last step of each log as a row.
#[derive(Debug)]
pub(super) struct Last {
    wants_state: bool,
    rows: History,
    last: Option<Owned>,
}

impl Last {
    pub(super) fn new(thread: Thread, wanted: Wanted) -> Self {
        Self {
            wants_state: wanted.state,
            rows: History::new(thread, wanted),
            last: None,
        }
    }
}

impl Rows for Last {
    fn take(&mut self, stepped: &Stepped<'_>) {
        let message = &stepped.message;
        let is_same_log =
            |last: &Owned| last.topic == message.topic && last.incarnation == message.incarnation;
        if let Some(last) = self.last.take_if(|last| !is_same_log(last)) {
            last.write(&mut self.rows);
        }
        self.last = Some(Owned::of(stepped, self.wants_state));
    }

    fn size(&self) -> (usize, usize) {
        self.rows.size()
    }

    fn end(&mut self) {
        if let Some(last) = self.last.take() {
            last.write(&mut self.rows);
        }
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        self.rows.finish()
    }
}

/// A step that outlives its message.
#[derive(Debug)]
struct Owned {
    topic: String,
    incarnation: String,
    operations: Option<String>,
    state_hash: Option<Vec<u8>>,
    node_id: Option<String>,
    state: Option<Value>,
    kind: StepKind,
    status: Status,
    note: Option<String>,
    /// What is left of the message: its texts are those above.
    message: Message<'static>,
    number: i64,
    is_after_loss: bool,
}

impl Owned {
    fn of(stepped: &Stepped<'_>, wants_state: bool) -> Self {
        let message = stepped.message;
        Self {
            topic: message.topic.to_owned(),
            incarnation: message.incarnation.to_owned(),
            operations: message.operations.map(str::to_owned),
            state_hash: message.state_hash.map(<[u8]>::to_owned),
            node_id: stepped.node_id.map(str::to_owned),
            state: stepped.step.state.filter(|_| wants_state).cloned(),
            kind: stepped.step.kind,
            status: stepped.step.status,
            note: stepped.step.note.clone(),
            message: Message {
                topic: "",
                incarnation: "",
                node_id: None,
                state: None,
                operations: None,
                state_hash: None,
                ..message
            },
            number: stepped.number,
            is_after_loss: stepped.is_after_loss,
        }
    }

    fn write(&self, rows: &mut History) {
        rows.take(&Stepped {
            message: Message {
                topic: &self.topic,
                incarnation: &self.incarnation,
                operations: self.operations.as_deref(),
                state_hash: self.state_hash.as_deref(),
                ..self.message
            },
            number: self.number,
            node_id: self.node_id.as_deref(),
            step: Step {
                kind: self.kind,
                state: self.state.as_ref(),
                status: self.status,
                note: self.note.clone(),
            },
            is_after_loss: self.is_after_loss,
        });
    }
}
