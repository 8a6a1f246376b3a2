//! Building batches of events.

use quipu_proto::message::{Event, EventBatch, Header};

/// Collects events of one thread to send them as one message, which costs less than one message each.
///
/// The batch itself has no number; its events have, each of its thread.
#[derive(Clone, Debug, Default)]
pub struct EventBatchBuilder {
    tenant: String,
    thread: String,
    events: Vec<Event>,
}

impl EventBatchBuilder {
    /// A batch of this thread, whose name is its key. Events may name other threads. With an empty tenant it is the
    /// producer's.
    #[must_use]
    pub fn new(tenant: impl Into<String>, thread: impl Into<String>) -> Self {
        Self {
            tenant: tenant.into(),
            thread: thread.into(),
            events: Vec::new(),
        }
    }

    /// Adds an event. Where it has no header, or one without thread or tenant, it gets those of the batch.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The message, and the builder empty again; `None` without events.
    pub fn take(&mut self) -> Option<EventBatch> {
        if self.events.is_empty() {
            return None;
        }
        Some(EventBatch {
            header: Some(Header {
                tenant_id: self.tenant.clone(),
                thread_id: self.thread.clone(),
                ..Header::default()
            }),
            events: std::mem::take(&mut self.events),
        })
    }
}
