//! Flushing, closing and dropping a producer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::counts::ProducerCounts;
use super::error::{CloseError, FlushError};
use super::handle::{Handle, Producer};

/// Beyond its time, a close waits so long for the fallback to take what was given up.
const FALLBACK_GRACE: Duration = Duration::from_secs(10);

impl Producer {
    /// Waits until every message that was taken before has its outcome: delivered, or given up and in the fallback.
    /// Messages do not linger meanwhile.
    ///
    /// # Errors
    /// Some were still on their way when the time was over. They go on.
    pub async fn flush(&self, within: Duration) -> Result<(), FlushError> {
        let (generation, waited) = self.begin_flush(within);
        // Done by the producer's runtime, so that any executor can await it.
        let _ = waited.await;
        self.flushed(generation, within)
    }

    /// As [`Producer::flush`], for code that is not asynchronous: blocks the thread.
    ///
    /// # Errors
    /// As [`Producer::flush`].
    pub fn flush_blocking(&self, within: Duration) -> Result<(), FlushError> {
        let (generation, waited) = self.begin_flush(within);
        self.block_on(waited);
        self.flushed(generation, within)
    }

    fn begin_flush(&self, within: Duration) -> (u64, tokio::task::JoinHandle<()>) {
        let line = Arc::clone(self.line());
        let generation = line.accounts.outstanding.mark();
        line.client.hurry();
        let runtime = line.runtime.clone();
        let waited = runtime.spawn(async move {
            let _ = timeout(within, line.accounts.outstanding.wait(generation)).await;
        });
        (generation, waited)
    }

    fn flushed(&self, generation: u64, limit: Duration) -> Result<(), FlushError> {
        match self.line().accounts.outstanding.left(generation) {
            0 => Ok(()),
            left => Err(FlushError { left, limit }),
        }
    }

    /// Takes no more messages, of any clone, sends what waits, and gives up what is left after that time; the fallback
    /// gets that. After it every message has its outcome, unless the fallback takes longer than ten seconds more.
    ///
    /// # Errors
    /// Messages were not delivered.
    pub async fn close(&self, within: Duration) -> Result<(), CloseError> {
        let before = self.counts();
        let _ = self.handle.begin_close(within).await;
        self.closed(&before)
    }

    /// As [`Producer::close`], for code that is not asynchronous: blocks the thread.
    ///
    /// # Errors
    /// As [`Producer::close`].
    pub fn close_blocking(&self, within: Duration) -> Result<(), CloseError> {
        let before = self.counts();
        self.block_on(self.handle.begin_close(within));
        self.closed(&before)
    }

    fn closed(&self, before: &ProducerCounts) -> Result<(), CloseError> {
        let after = self.counts();
        let undelivered = after.send_failures - before.send_failures + after.waiting;
        let kept = (after.dlq_sends + after.fallback_file_writes)
            .saturating_sub(before.dlq_sends + before.fallback_file_writes);
        match undelivered {
            0 => Ok(()),
            // The fallback has messages, too, that were refused for their size.
            _ => Err(CloseError {
                undelivered,
                kept: kept.min(undelivered),
            }),
        }
    }

    fn block_on(&self, waited: tokio::task::JoinHandle<()>) {
        let (done, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let runtime = self.line().runtime.clone();
        runtime.spawn(async move {
            let _ = waited.await;
            let _ = done.send(());
        });
        // An error is the end of the runtime: nothing is left to wait for then.
        let _ = wait.recv();
    }
}

impl Handle {
    /// Ends the producer within that time. The task ends when every message has its outcome.
    fn begin_close(&self, within: Duration) -> tokio::task::JoinHandle<()> {
        self.is_closed.store(true, Ordering::Relaxed);
        let line = Arc::clone(&self.line);
        let runtime = line.runtime.clone();
        runtime.spawn(async move {
            let began = Instant::now();
            line.accounts.room.close();
            // Messages that wait for the first number of their thread still have to be put.
            let _ = timeout(within, line.asks.wait(line.asks.mark())).await;
            // Where there is no answer in time they go without, or the fallback could not get them.
            line.asks_are_over.send_replace(true);
            while line.asks.waiting() > 0 {
                line.asks.wait(line.asks.mark()).await;
            }
            let left = within.saturating_sub(began.elapsed());
            line.client.close(left);
            let all = line.accounts.outstanding.mark();
            let limit = left.saturating_add(FALLBACK_GRACE);
            let _ = timeout(limit, line.accounts.outstanding.wait(all)).await;
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.is_closed.load(Ordering::Relaxed) {
            // Nobody waits for it.
            drop(self.begin_close(self.line.options.drop_timeout));
        }
    }
}
