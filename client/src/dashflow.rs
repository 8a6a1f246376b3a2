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
