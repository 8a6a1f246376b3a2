//! Planning on a stack of its own.
//!
//! DataFusion plans by recursion over trees as deep as the statement is long. A thread with a large stack makes that
//! safe up to the limits of [`limits`](crate::limits), and turns a panic within planning into an error.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Result, SqlError};

/// Stack of the planning thread, in bytes. Only what is used of it takes memory.
const STACK_BYTES: usize = 64 << 20;

/// Runs a planning step to its end on a thread with a large stack.
pub(crate) async fn plan<T, F>(step: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let runtime = Handle::try_current().map_err(|_| SqlError::NoRuntime)?;
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("quipu-plan".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // The caller may have gone: then nobody wants the plan.
            let _ = sender.send(runtime.block_on(step));
        })
        .map_err(|error| SqlError::internal(format!("cannot start the planning thread: {error}")))?;
    receiver
        .await
        .unwrap_or_else(|_| Err(SqlError::internal("the planner panicked")))
}
