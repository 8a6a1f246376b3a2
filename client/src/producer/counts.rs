//! What a producer has done, as numbers since its start.

use std::sync::atomic::{AtomicU64, Ordering};

use quipu_kafka::produce::ProduceStats;

/// Counters of a producer. Those that dashflow-streaming has, too, have its names here (there with the prefix
/// `dashstream_` and the suffix `_total`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerCounts {
    /// Messages acknowledged (`dashstream_messages_sent_total`).
    pub messages_sent: u64,
    /// Messages sent again, counted each time (`dashstream_send_retries_total`).
    pub send_retries: u64,
    /// Messages given up after they were taken (`dashstream_send_failures_total`).
    pub send_failures: u64,
    /// Messages not taken because as many waited as may wait (`dashstream_telemetry_dropped_total`, reason `queue_full`).
    pub telemetry_dropped: u64,
    /// Messages refused: blank thread, no content, too large, tenant over its limit.
    pub messages_refused: u64,
    /// Messages kept as letters in a topic (`dashstream_dlq_sends_total`).
    pub dlq_sends: u64,
    /// Attempts at letters that failed (`dashstream_dlq_send_retries_total`).
    pub dlq_send_retries: u64,
    /// Letters that the topic did not take (`dashstream_dlq_send_failures_total`).
    pub dlq_send_failures: u64,
    /// Messages kept in the frames file.
    pub fallback_file_writes: u64,
    /// Messages given up or too large that no fallback has (`dashstream_dlq_dropped_total`).
    pub dlq_dropped: u64,
    /// Threads that began at 1: a new strand, as far as readers see.
    pub strands_opened: u64,
    /// Threads that went on behind a number that was asked for.
    pub threads_continued: u64,
    /// Threads whose last number could not be told, so that they began at 1.
    pub numbering_failures: u64,
    /// Messages that wait or are on their way now.
    pub waiting: u64,
    /// Produce requests sent.
    pub requests: u64,
    /// Bytes of batches sent.
    pub bytes: u64,
}

/// The counters that the producer itself keeps.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) telemetry_dropped: AtomicU64,
    pub(super) messages_refused: AtomicU64,
    pub(super) send_failures: AtomicU64,
    pub(super) dlq_sends: AtomicU64,
    pub(super) dlq_send_retries: AtomicU64,
    pub(super) dlq_send_failures: AtomicU64,
    pub(super) fallback_file_writes: AtomicU64,
    pub(super) dlq_dropped: AtomicU64,
    pub(super) strands_opened: AtomicU64,
    pub(super) threads_continued: AtomicU64,
    pub(super) numbering_failures: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn snapshot(&self, stats: ProduceStats, waiting: usize) -> ProducerCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProducerCounts {
            messages_sent: stats.delivered,
            send_retries: stats.retried,
            send_failures: read(&self.send_failures),
            telemetry_dropped: read(&self.telemetry_dropped),
            messages_refused: read(&self.messages_refused),
            dlq_sends: read(&self.dlq_sends),
            dlq_send_retries: read(&self.dlq_send_retries),
            dlq_send_failures: read(&self.dlq_send_failures),
            fallback_file_writes: read(&self.fallback_file_writes),
            dlq_dropped: read(&self.dlq_dropped),
            strands_opened: read(&self.strands_opened),
            threads_continued: read(&self.threads_continued),
            numbering_failures: read(&self.numbering_failures),
            waiting: waiting as u64,
            requests: stats.requests,
            bytes: stats.bytes,
        }
    }
}
