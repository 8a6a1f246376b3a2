//! `state_at(tenant, thread [, at])`: the state of a thread at a moment.

use std::sync::Arc;

use super::arguments::{Arguments, NumberOrTime};
use super::table::TableFunction;
use crate::state::{Moment, Question, StateTable, Thread};

/// The function.
pub(crate) fn function() -> TableFunction {
    TableFunction {
        name: "state_at",
        syntax: "state_at(tenant, thread [, at])",
        description: "The state of a thread after its last step up to a time (a timestamp or its text, UTC) or up to a \
                      Kafka offset (an integer); the newest without one. One row for each topic and incarnation of the \
                      thread. status tells whether the producer's hash proves the state: verified, unverified, broken.",
        example: "select state, status, note from state_at('default', 'session-1', '2026-01-15T09:00:02Z')",
        table: |source, arguments| {
            arguments.expect(&[2, 3])?;
            let moment = if arguments.values.len() == 2 {
                Moment::Newest
            } else {
                match arguments.number_or_time(2, "at")? {
                    NumberOrTime::Number(offset) => Moment::Offset(offset),
                    NumberOrTime::Time(time) => Moment::Time(time),
                }
            };
            let question = Question::At(moment);
            Ok(Arc::new(StateTable::new(
                Arc::clone(source),
                thread(arguments)?,
                question,
            )))
        },
    }
}

/// The thread that the first two arguments name.
pub(super) fn thread(arguments: Arguments<'_>) -> datafusion::common::Result<Thread> {
    Ok(Thread {
        tenant_id: arguments.text(0, "tenant")?,
        thread_id: arguments.text(1, "thread")?,
    })
}
