//! The account of one message that was taken: it has exactly one outcome, whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::counts::{Counters, add};
use super::delivery::{Delivery, Report};
use super::error::{Kept, SendError};
use super::options::OnReport;
use super::outstanding::Outstanding;
use super::room::{Place, Room};

/// What the accounts of all messages share.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) room: Room,
    pub(super) outstanding: Outstanding,
    pub(super) counters: Counters,
    pub(super) on_report: Option<OnReport>,
}

/// What a callback is told about a message; kept only where there is one.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) message_id: Vec<u8>,
    pub(super) tenant: String,
    pub(super) thread: String,
    pub(super) sequence: u64,
}

/// A message that was taken.
#[derive(Debug)]
pub(super) struct Ticket {
    accounts: Arc<Accounts>,
    place: Place,
    generation: u64,
    reply: Option<oneshot::Sender<Result<Delivery, SendError>>>,
    pub(super) name: Option<Box<Name>>,
    is_settled: bool,
}

impl Ticket {
    pub(super) fn new(
        accounts: &Arc<Accounts>,
        place: Place,
        reply: Option<oneshot::Sender<Result<Delivery, SendError>>>,
    ) -> Self {
        Self {
            generation: accounts.outstanding.enter(),
            accounts: Arc::clone(accounts),
            place,
            reply,
            name: None,
            is_settled: false,
        }
    }

    /// The message turned out smaller than it was taken for.
    pub(super) fn shrink(&mut self, bytes: usize) {
        self.accounts.room.shrink(&mut self.place, bytes);
    }

    fn tell(&mut self, outcome: Result<Delivery, SendError>) {
        if let (Some(OnReport(on_report)), Some(name)) = (&self.accounts.on_report, self.name.take()) {
            let report = Report {
                message_id: &name.message_id,
                tenant: &name.tenant,
                thread: &name.thread,
                sequence: name.sequence,
                outcome: &outcome,
            };
            // A panic of the application's function must not end the sending of all messages.
            if catch_unwind(AssertUnwindSafe(|| on_report(&report))).is_err() {
                tracing::error!("on_report of a producer panicked");
            }
        }
        if let Some(reply) = self.reply.take() {
            // Nobody may be interested.
            let _ = reply.send(outcome);
        }
    }

    /// The message was not delivered.
    pub(super) fn fail(mut self, error: SendError) {
        self.tell(Err(error));
        // Dropping it gives the room back.
    }

    /// Messages were stored one behind the other, from this offset on.
    pub(super) fn deliver_all(
        accounts: &Accounts,
        partition: i32,
        base_offset: Option<i64>,
        tickets: Vec<Self>,
    ) {
        let mut bytes = 0;
        let count = tickets.len();
        let mut generations = Vec::with_capacity(count);
        for (index, mut ticket) in tickets.into_iter().enumerate() {
            let offset = base_offset.map(|base| base + index as i64);
            ticket.tell(Ok(Delivery { partition, offset }));
            ticket.is_settled = true;
            bytes += ticket.place.bytes as usize;
            generations.push(ticket.generation);
        }
        accounts.room.give_back(count, bytes);
        accounts.outstanding.leave(generations);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        self.tell(Err(SendError::Abandoned));
        self.accounts.room.give_back(1, self.place.bytes as usize);
        self.accounts.outstanding.leave([self.generation]);
    }
}

/// Counts a message that was given up.
pub(super) fn count_failure(counters: &Counters, kept: &Kept) {
    add(&counters.send_failures, 1);
    if matches!(kept, Kept::Nowhere(_)) {
        add(&counters.dlq_dropped, 1);
    }
}
