//! `state_blame(tenant, thread, pointer)`: which steps changed a value of a thread's state.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use quipu_proto::state::Pointer;

use super::state_at::thread;
use super::table::TableFunction;
use crate::state::{Question, StateTable};

/// The function.
pub(crate) fn function() -> TableFunction {
    TableFunction {
        name: "state_blame",
        syntax: "state_blame(tenant, thread, pointer)",
        description: "The steps that changed what stands at a JSON Pointer (such as /messages/0) of a thread's state, \
                      with the node that ran, the value before and after (null where there was none), and whether the \
                      state is proven.",
        example: "select step, time, node_id, old_value, new_value from state_blame('default', 'session-1', '/answer')",
        table: |source, arguments| {
            arguments.expect(&[3])?;
            let thread = thread(arguments)?;
            let pointer = arguments.text(2, "pointer")?;
            let pointer = Pointer::parse(&pointer).map_err(|error| {
                DataFusionError::Plan(format!("pointer of {}: {error}", arguments.syntax))
            })?;
            let question = Question::Blame(pointer);
            Ok(Arc::new(StateTable::new(Arc::clone(source), thread, question)))
        },
    }
}
