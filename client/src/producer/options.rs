//! What can be chosen about a producer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quipu_kafka::produce::{BatchCompression, ProduceOptions};
use quipu_proto::framing::Compression;

use crate::numbering::StartPolicy;

use super::admission::Admission;
use super::delivery::Report;
use super::error::ProducerError;
use super::fallback::Fallback;

/// Who reads the topic, which bounds how large a message may be after decompression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// Quipu: up to 16 MiB as a record, 64 MiB decompressed. The default, as nothing is lost for it.
    #[default]
    Quipu,
    /// The consumers of dashflow-streaming, too: up to 1,048,576 bytes decompressed. They make a dead letter of what is
    /// larger.
    Original,
}

/// A function that hears of each message's outcome.
#[derive(Clone)]
pub struct OnReport(pub(super) Arc<dyn Fn(&Report<'_>) + Send + Sync>);

impl OnReport {
    /// Calls this function, on the thread of the producer, which waits meanwhile. Of a message that is refused while it is
    /// handed over it may hear on the thread of the caller.
    pub fn new(function: impl Fn(&Report<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }
}

impl fmt::Debug for OnReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnReport")
    }
}

/// Settings of a [`super::Producer`].
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// Tenant of messages that name none, and of the producer itself (`KAFKA_TENANT_ID`). Default `default`.
    pub tenant: String,
    /// How each message is compressed. Default zstd level 3 above 512 bytes, which all readers know. See
    /// [`ProducerOptions::with_batches_compressed`] for less.
    pub compression: Compression,
    /// Who reads the topic. Default [`Readers::Quipu`].
    pub readers: Readers,
    /// Most messages that wait or are on their way. Default 100,000.
    pub queue_messages: usize,
    /// Most bytes of these, as protobuf until they are encoded and as records then. Default 64 MiB. A message that is
    /// larger than that is sent when nothing else waits.
    pub queue_bytes: usize,
    /// Where the numbers of a thread begin. Default [`StartPolicy::Fresh`].
    pub start: StartPolicy,
    /// Threads whose numbers are remembered. Default 100,000, which is about 20 MiB. One that was forgotten begins again
    /// as `start` says.
    pub threads_max: usize,
    /// Where messages go that cannot be delivered. Default: as letters to the topic `dashstream-dlq`.
    pub fallback: Fallback,
    /// How long a producer that was dropped, not closed, goes on sending. Default 10 s.
    pub drop_timeout: Duration,
    /// Hears of each message's outcome. Default none.
    pub on_report: Option<OnReport>,
    /// Decides whether a tenant may send. Default none: all may.
    pub admission: Option<Arc<dyn Admission>>,
    /// How records are sent: batches, retries, time limits, connections.
    pub produce: ProduceOptions,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            tenant: "default".to_owned(),
            compression: Compression::default(),
            readers: Readers::default(),
            queue_messages: 100_000,
            queue_bytes: 64 << 20,
            start: StartPolicy::default(),
            threads_max: 100_000,
            fallback: Fallback::default(),
            drop_timeout: Duration::from_secs(10),
            on_report: None,
            admission: None,
            produce: ProduceOptions::default(),
        }
    }
}

/// The level of [`ProducerOptions::with_batches_compressed`].
const BATCH_ZSTD_LEVEL: i32 = 6;

impl ProducerOptions {
    /// Compresses batches of messages together in place of each message by itself: a log of less than half the size, written
    /// faster. All clients of Kafka that know zstd read it; the consumers of dashflow-streaming do not.
    #[must_use]
    pub fn with_batches_compressed(mut self) -> Self {
        self.compression = Compression::None;
        self.produce.compression = BatchCompression::Zstd {
            level: BATCH_ZSTD_LEVEL,
        };
        self
    }

    pub(super) fn check(&self) -> Result<(), ProducerError> {
        let refused = |setting, value: String, reason| {
            Err(ProducerError::Setting {
                setting,
                value,
                reason,
            })
        };
        if self.tenant.trim().is_empty() {
            return refused("tenant", format!("{:?}", self.tenant), "name a tenant");
        }
        if self.queue_messages == 0 || self.queue_messages > 1 << 24 {
            return refused(
                "queue_messages",
                self.queue_messages.to_string(),
                "use 1 to 16777216; the default is 100000",
            );
        }
        if self.queue_bytes == 0 || u32::try_from(self.queue_bytes).is_err() {
            return refused(
                "queue_bytes",
                self.queue_bytes.to_string(),
                "use 1 byte to 4 GiB; the default is 64 MiB",
            );
        }
        if matches!(self.compression, Compression::Lz4 { .. }) && self.readers == Readers::Original {
            return refused(
                "compression",
                "LZ4".to_owned(),
                "readers of dashflow-streaming do not know marker 02; use zstd or none for them",
            );
        }
        if let Compression::Zstd { level, .. } = self.compression
            && !(1..=22).contains(&level)
        {
            return refused("compression level", level.to_string(), "use 1 to 22");
        }
        Ok(())
    }
}
