//! The numbers of the messages of each thread.

use std::collections::HashMap;

use quipu_proto::message::Header;
use quipu_proto::message::dash_stream_message::Message;

use super::SinkError;

/// The last number of each tenant's threads.
#[derive(Debug, Default)]
pub(super) struct Counters {
    last: HashMap<String, HashMap<String, u64>>,
}

impl Counters {
    /// Gives the message the next number of its thread, unless it has one. A batch is not numbered, its events are.
    pub(super) fn number(&mut self, message: &mut Message) -> Result<(), SinkError> {
        if let Message::EventBatch(batch) = message {
            // All or none, so that a batch which is refused leaves no gap.
            check(batch.header.as_ref())?;
            for event in &batch.events {
                check(event.header.as_ref())?;
            }
            for header in batch.events.iter_mut().filter_map(|event| event.header.as_mut()) {
                self.number_header(header);
            }
            return Ok(());
        }
        let header = header_mut(message);
        check(header.as_ref())?;
        if let Some(header) = header {
            self.number_header(header);
        }
        Ok(())
    }

    fn number_header(&mut self, header: &mut Header) {
        if header.sequence != 0 {
            return;
        }
        // Looked up before it is put in, so that names are copied once a thread.
        let threads = match self.last.get_mut(&header.tenant_id) {
            Some(threads) => threads,
            None => self.last.entry(header.tenant_id.clone()).or_default(),
        };
        let last = match threads.get_mut(&header.thread_id) {
            Some(last) => last,
            None => threads.entry(header.thread_id.clone()).or_default(),
        };
        *last += 1;
        header.sequence = *last;
    }
}

/// Refuses what no reader could place.
fn check(header: Option<&Header>) -> Result<(), SinkError> {
    match header {
        None => Err(SinkError::Refused(
            "the message has no header: it needs one with a thread_id".to_owned(),
        )),
        Some(header) if header.thread_id.trim().is_empty() => Err(SinkError::Refused(format!(
            "the thread_id {:?} of the message is blank: name the session that it belongs to",
            header.thread_id
        ))),
        Some(_) => Ok(()),
    }
}

/// The header of a message.
pub(crate) fn header_mut(message: &mut Message) -> &mut Option<Header> {
    match message {
        Message::Event(event) => &mut event.header,
        Message::StateDiff(diff) => &mut diff.header,
        Message::TokenChunk(chunk) => &mut chunk.header,
        Message::ToolExecution(execution) => &mut execution.header,
        Message::Checkpoint(checkpoint) => &mut checkpoint.header,
        Message::Metrics(metrics) => &mut metrics.header,
        Message::Error(error) => &mut error.header,
        Message::EventBatch(batch) => &mut batch.header,
        Message::ExecutionTrace(trace) => &mut trace.header,
    }
}
