//! How a state is told: what of it is sent, and what is remembered of what was.

use std::fmt;

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::state::{StateWriter, StateWriterOptions, Unwritten, Written};
use serde_json::Value;

/// The states of a run, as its readers know them.
pub(super) struct States {
    options: StateWriterOptions,
    writer: StateWriter,
}

impl fmt::Debug for States {
    /// Without the state, which may be large, and have secrets where redaction is off.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States")
            .field("options", &self.options)
            .field("has_base", &self.writer.sent().is_some())
            .finish_non_exhaustive()
    }
}

impl States {
    pub(super) fn new(options: StateWriterOptions) -> Self {
        Self {
            options,
            writer: StateWriter::new(options),
        }
    }

    /// Begins a run of which readers know no state.
    pub(super) fn begin(&mut self) {
        self.writer = StateWriter::new(self.options);
    }

    /// The text of the state that a run starts with, for its GRAPH_START. From here on readers know it: where the text does
    /// not reach them, [`lost`](Self::lost) must be called.
    pub(super) fn initial(&mut self, state: Value) -> Result<String, Unwritten> {
        self.writer.start(state)
    }

    /// Readers have not got the state that was told last: the next one is sent whole. Gives that state back.
    pub(super) fn lost(&mut self) -> Option<Value> {
        self.writer.forget()
    }

    /// Tells of a state, and behind it of the checkpoint that is due. `send` tells whether a message was taken.
    pub(super) fn tell(
        &mut self,
        state: Value,
        mut send: impl FnMut(Message) -> bool,
    ) -> Result<(), Unwritten> {
        let Written { diff, checkpoint } = self.writer.write(state)?;
        if !send(Message::StateDiff(diff)) {
            self.lost();
            return Ok(());
        }
        if let Some(mut checkpoint) = checkpoint {
            let id = crate::ids::random_id();
            checkpoint.checkpoint_id = id.to_vec();
            // One that was not taken must not be the base of what follows.
            if send(Message::Checkpoint(checkpoint)) {
                self.writer.confirm_checkpoint(id);
            }
        }
        Ok(())
    }
}
