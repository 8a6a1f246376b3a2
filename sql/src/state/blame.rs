//! The steps that changed one value of a state.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::StringViewBuilder;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use quipu_proto::state::{Pointer, Status, StepKind, canonical};

use super::history::{Places, place_fields, text};
use super::table::{Rows, Thread};
use super::walk::Stepped;

/// The columns of `state_blame`.
pub(super) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = place_fields();
        fields.extend(["old_value", "new_value", "status", "note"].map(text));
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// The steps after which another value stands at a place than before, as rows.
#[derive(Debug)]
pub(super) struct Blame {
    thread: Thread,
    pointer: Pointer,
    /// Topic and incarnation of the steps so far.
    log: Option<(String, String)>,
    /// The value after the last step whose state is known, as canonical JSON.
    value: Option<String>,
    /// The last step after which the state was certain; a change that is seen later may have come at any step between.
    certain: Option<i64>,
    places: Places,
    old_value: StringViewBuilder,
    new_value: StringViewBuilder,
    status: StringViewBuilder,
    note: StringViewBuilder,
    bytes: usize,
}

impl Blame {
    pub(super) fn new(thread: Thread, pointer: Pointer) -> Self {
        Self {
            thread,
            pointer,
            log: None,
            value: None,
            certain: None,
            places: Places::default(),
            old_value: StringViewBuilder::new(),
            new_value: StringViewBuilder::new(),
            status: StringViewBuilder::new(),
            note: StringViewBuilder::new(),
            bytes: 0,
        }
    }

    fn enter(&mut self, stepped: &Stepped<'_>) {
        let (topic, incarnation) = (stepped.message.topic, stepped.message.incarnation);
        let is_same = |log: &(String, String)| log.0 == topic && log.1 == incarnation;
        if !self.log.as_ref().is_some_and(is_same) {
            self.log = Some((topic.to_owned(), incarnation.to_owned()));
            self.value = None;
            self.certain = None;
        }
    }

    /// What a reader of the row has to know.
    fn note(&self, stepped: &Stepped<'_>) -> Option<String> {
        let is_start = stepped.step.kind == StepKind::Initial;
        let follows = self.certain == Some(stepped.number - 1) && !stepped.is_after_loss;
        if stepped.number == 1 || is_start || follows {
            return stepped.step.note.clone();
        }
        let doubt = match self.certain {
            Some(step) => format!("it may have changed at any step after {step}"),
            None => "it may have changed at any step up to this".to_owned(),
        };
        Some(match &stepped.step.note {
            Some(note) => format!("{doubt}; {note}"),
            None => doubt,
        })
    }
}

impl Rows for Blame {
    fn take(&mut self, stepped: &Stepped<'_>) {
        self.enter(stepped);
        let Some(state) = stepped.step.state else {
            return;
        };
        let value = self.pointer.get(state).map(canonical);
        if value != self.value {
            self.bytes += [&self.value, &value]
                .map(|value| value.as_ref().map_or(0, String::len))
                .iter()
                .sum::<usize>();
            let note = self.note(stepped);
            self.places.push(&self.thread, stepped);
            self.old_value.append_option(self.value.as_deref());
            self.new_value.append_option(value.as_deref());
            self.status.append_value(stepped.step.status.as_str());
            self.note.append_option(note);
            self.value = value;
        }
        // The state that a run starts with is as certain as a producer can tell it.
        if stepped.step.status == Status::Verified || stepped.step.kind == StepKind::Initial {
            self.certain = Some(stepped.number);
        }
    }

    fn size(&self) -> (usize, usize) {
        (self.places.len(), self.bytes)
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        self.bytes = 0;
        let mut columns = self.places.finish();
        for column in [
            &mut self.old_value,
            &mut self.new_value,
            &mut self.status,
            &mut self.note,
        ] {
            columns.push(Arc::new(column.finish()));
        }
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}
