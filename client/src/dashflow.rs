//! The names under which programs know these things from dashflow-streaming.
//!
//! They stand where they stood, so that a program changes the name of the crate and no more:
//!
//! ```no_run
//! use quipu_client::consumer::DashStreamConsumer;
//! use std::time::Duration;
//!
//! # #[allow(unreachable_code)]
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut consumer = DashStreamConsumer::new_for_partition(
//!         "localhost:9092",
//!         "dashstream_events",
//!         0,
//!     )
//!     .await?;
//!
//!     loop {
//!         match consumer.next_timeout(Duration::from_secs(30)).await {
//!             Some(Ok(msg)) => println!("Received: {:?}", msg),
//!             Some(Err(e)) => eprintln!("Error: {}", e),
//!             None => continue, // timeout
//!         }
//!     }
//!
//!     Ok(())
//! }
//! ```

/// Reading, by its old names.
pub mod consumer {
    use std::time::Duration;

    use crate::consumer::{Consumer, ConsumerError, Received};

    /// A [`Consumer`] of one partition, by its old name. It keeps no positions of groups, as the old one did not either.
    #[derive(Debug)]
    pub struct DashStreamConsumer(Consumer);

    impl DashStreamConsumer {
        /// As [`Consumer::for_partition`].
        ///
        /// # Errors
        /// As there.
        pub async fn new_for_partition(
            brokers: &str,
            topic: &str,
            partition: i32,
        ) -> Result<Self, ConsumerError> {
            Consumer::for_partition(brokers, topic, partition).await.map(Self)
        }

        /// As [`Consumer::next_timeout`].
        pub async fn next_timeout(&mut self, time: Duration) -> Option<Result<Received, ConsumerError>> {
            self.0.next_timeout(time).await
        }

        /// The consumer under its new name, which can do more.
        #[must_use]
        pub fn into_inner(self) -> Consumer {
            self.0
        }
    }
}

/// Sending, by its old names.
pub mod producer {
    use std::ops::Deref;
    use std::sync::Arc;

    use quipu_kafka::address::BrokerAddress;

    use crate::producer::{Producer, ProducerError, ProducerOptions};
    use crate::rate_limit::{RateLimit, RateLimiter};

    /// A [`Producer`] under its old name and with the old constructors.
    #[derive(Clone, Debug)]
    pub struct DashStreamProducer(Producer);

    impl DashStreamProducer {
        /// As [`Producer::new`]. It does not wait for the brokers.
        ///
        /// # Errors
        /// As there.
        pub async fn new(brokers: &str, topic: &str) -> Result<Self, ProducerError> {
            Producer::new(brokers, topic).map(Self)
        }

        /// As [`Producer::from_env`]. It does not wait for the brokers.
        ///
        /// # Errors
        /// As there.
        pub async fn from_env() -> Result<Self, ProducerError> {
            Producer::from_env().map(Self)
        }

        /// As [`Producer::new`], for a producer that keeps the tenant of each message to this limit: by itself, or together
        /// with all others at the Redis of that URL. It is [`ProducerOptions::admission`] with a [`RateLimiter`] of default
        /// options, and belongs to the tokio runtime that this is called on.
        ///
        /// # Errors
        /// As there, and as [`RateLimiter::redis`]. Redis being away is no error.
        pub async fn new_with_rate_limiting(
            brokers: &str,
            topic: &str,
            limit: RateLimit,
            redis_url: Option<&str>,
        ) -> Result<Self, ProducerError> {
            let brokers = BrokerAddress::parse_list(brokers)?;
            let limiter = RateLimiter::new(limit, redis_url).await?;
            let options = ProducerOptions {
                admission: Some(Arc::new(limiter)),
                ..ProducerOptions::default()
            };
            Producer::with_options(brokers, topic, options).map(Self)
        }
    }

    impl Deref for DashStreamProducer {
        type Target = Producer;

        fn deref(&self) -> &Producer {
            &self.0
        }
    }

    impl From<Producer> for DashStreamProducer {
        fn from(producer: Producer) -> Self {
            Self(producer)
        }
    }
}
