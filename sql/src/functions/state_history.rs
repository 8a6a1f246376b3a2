//! `state_history(tenant, thread)`: the state of a thread, step by step.

use std::sync::Arc;

use super::state_at::thread;
use super::table::TableFunction;
use crate::state::{Question, StateTable};

/// The function.
pub(crate) fn function() -> TableFunction {
    TableFunction {
        name: "state_history",
        syntax: "state_history(tenant, thread)",
        description: "The state of a thread after each message that tells of it: a run's start (initial), a whole state \
                      (full), operations (diff), no change (unchanged), a checkpoint. status tells whether the \
                      producer's hash proves the state, note why not.",
        example: "select step, kind, time, node_id, state, status from state_history('default', 'session-1') order by step",
        table: |source, arguments| {
            arguments.expect(&[2])?;
            let thread = thread(arguments)?;
            Ok(Arc::new(StateTable::new(
                Arc::clone(source),
                thread,
                Question::History,
            )))
        },
    }
}
