//! The old name: what programs written for dashflow-streaming call.

use std::ops::Deref;

use super::error::ProducerError;
use super::handle::Producer;

/// A [`Producer`] under the name and with the constructors of dashflow-streaming's.
#[derive(Clone, Debug)]
pub struct DashStreamProducer(Producer);

impl DashStreamProducer {
    /// As [`Producer::new`]. It does not wait for the brokers.
    ///
    /// # Errors
    /// As [`Producer::new`].
    pub async fn new(brokers: &str, topic: &str) -> Result<Self, ProducerError> {
        Producer::new(brokers, topic).map(Self)
    }

    /// As [`Producer::from_env`]. It does not wait for the brokers.
    ///
    /// # Errors
    /// As [`Producer::from_env`].
    pub async fn from_env() -> Result<Self, ProducerError> {
        Producer::from_env().map(Self)
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
