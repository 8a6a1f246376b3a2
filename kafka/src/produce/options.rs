//! What can be chosen about producing.

use std::time::Duration;

use crate::connect::ConnectOptions;
use crate::error::KafkaError;

use super::partitioner::Partitioner;

/// How the records of a batch are compressed together. Brokers store them so, unless the topic says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchCompression {
    /// Not at all.
    #[default]
    None,
    /// gzip, level 6.
    Gzip,
    /// Snappy, in the framing of the Java library.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard of a level from 1 to 22.
    Zstd {
        /// The level.
        level: i32,
    },
}

/// Settings of a [`super::ProduceClient`].
#[derive(Clone, Debug)]
pub struct ProduceOptions {
    /// How keys choose partitions. Default [`Partitioner::Crc32`].
    pub partitioner: Partitioner,
    /// Bytes of records, as brokers count a batch, at which a batch is full. Default 1,000,000. Less where the topic
    /// takes less.
    pub batch_bytes: usize,
    /// How long a batch that is not full waits for more, unless somebody waits for it
    /// ([`super::ProduceClient::send_soon`]). Default 5 ms.
    pub linger: Duration,
    /// Codec of batches. Default none.
    pub compression: BatchCompression,
    /// Whether batches are numbered so that brokers know those they have. Default true. A broker that refuses it is
    /// written to without, and that is told ([`super::ProduceClient::is_idempotent`]).
    pub idempotent: bool,
    /// Time from putting the first record of a batch until it is given up. Default 30 s.
    pub delivery_timeout: Duration,
    /// Time for one request. Default 10 s.
    pub request_timeout: Duration,
    /// Requests that one broker may have unanswered, each on a connection of its own. Of one partition there is never
    /// more than one. Default 3.
    pub in_flight_max: usize,
    /// Bytes of batches in one request. Default 8 MiB; a batch that is larger goes alone.
    pub request_bytes_max: usize,
    /// Largest batch that the topic takes, in bytes; `None` = the topic is asked (`max.message.bytes`), and until it has
    /// answered, or where it may not be asked, the brokers decide. Default `None`.
    pub message_bytes_max: Option<usize>,
    /// How often new partitions are looked for. Default 5 min. Leaders are asked for anew whenever one fails.
    pub metadata_refresh: Duration,
    /// Whether brokers may create the topic, where they are set to do so. Default true, as in librdkafka.
    pub may_create_topic: bool,
    /// How connections are made.
    pub connect: ConnectOptions,
}

impl Default for ProduceOptions {
    fn default() -> Self {
        Self {
            partitioner: Partitioner::default(),
            batch_bytes: 1_000_000,
            linger: Duration::from_millis(5),
            compression: BatchCompression::default(),
            idempotent: true,
            delivery_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(10),
            in_flight_max: 3,
            request_bytes_max: 8 << 20,
            message_bytes_max: None,
            metadata_refresh: Duration::from_secs(300),
            may_create_topic: true,
            connect: ConnectOptions::default(),
        }
    }
}

impl ProduceOptions {
    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`KafkaError::Setting`], naming the first.
    pub fn check(&self) -> Result<(), KafkaError> {
        let refused = |setting, value: String, reason| {
            Err(KafkaError::Setting {
                setting,
                value,
                reason,
            })
        };
        if self.batch_bytes == 0 || self.batch_bytes > 1 << 30 {
            return refused(
                "batch_bytes",
                self.batch_bytes.to_string(),
                "use 1 byte to 1 GiB; the default is 1000000",
            );
        }
        if self.in_flight_max == 0 {
            return refused("in_flight_max", "0".to_owned(), "use at least 1");
        }
        if self.delivery_timeout.is_zero() || self.request_timeout.is_zero() {
            return refused(
                "delivery_timeout or request_timeout",
                "0".to_owned(),
                "give records time to be sent; the defaults are 30 s and 10 s",
            );
        }
        if let BatchCompression::Zstd { level } = self.compression
            && !(1..=22).contains(&level)
        {
            return refused("zstd level of batches", level.to_string(), "use 1 to 22");
        }
        Ok(())
    }
}
