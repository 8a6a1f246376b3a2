//! The thread that does the work of a producer, and what it hears of records.

use std::sync::Arc;

use quipu_kafka::produce::{Outcomes, ProduceError, UndeliveredRecord};

use super::error::ProducerError;
use super::fallback::{Cause, FallbackQueue, FallbackWorker, Letter};
use super::ticket::{Accounts, Ticket};

/// Settles tickets: those of stored records at once, those of others through the fallback.
#[derive(Debug)]
pub(super) struct Settler {
    pub(super) accounts: Arc<Accounts>,
    pub(super) fallback: FallbackQueue,
}

impl Outcomes<Ticket> for Settler {
    fn delivered(&self, partition: i32, base_offset: Option<i64>, tickets: Vec<Ticket>) {
        Ticket::deliver_all(&self.accounts, partition, base_offset, tickets);
    }

    fn undelivered(&self, record: &UndeliveredRecord<'_>, ticket: Ticket, error: &ProduceError) {
        let letter = Letter::new(
            record.partition,
            record.key.unwrap_or_default(),
            record.value.unwrap_or_default(),
            error.to_string().into(),
        );
        self.fallback
            .take(letter, ticket, Cause::Undelivered(error.clone()));
    }
}

/// A runtime whose thread is not running yet.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, ProducerError> {
    tokio::runtime::Builder::new_current_thread()
        .thread_name("quipu-producer")
        .enable_all()
        .build()
        .map_err(ProducerError::Thread)
}

/// Lets nobody wait for room that nobody gives back, however the thread ends.
struct LastOut(Arc<Accounts>);

impl Drop for LastOut {
    fn drop(&mut self) {
        self.0.room.close();
    }
}

/// Runs the sender, then the fallback to its end, on a thread of their own. It ends by itself when the producer is closed
/// or dropped.
pub(super) fn start(
    runtime: tokio::runtime::Runtime,
    sender: impl Future<Output = ()> + Send + 'static,
    fallback: FallbackQueue,
    worker: Option<FallbackWorker>,
    accounts: Arc<Accounts>,
) -> Result<(), ProducerError> {
    std::thread::Builder::new()
        .name("quipu-producer".to_owned())
        .spawn(move || {
            let _last_out = LastOut(accounts);
            runtime.block_on(async move {
                let worker = worker.map(|worker| tokio::spawn(worker.run()));
                sender.await;
                fallback.end().await;
                if let Some(worker) = worker {
                    // A panic there was told already.
                    let _ = worker.await;
                }
            });
        })
        .map(drop)
        .map_err(ProducerError::Thread)
}
