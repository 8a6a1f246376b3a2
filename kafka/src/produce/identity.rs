//! The ids of idempotent producers.

use kafka_protocol::error::ParseResponseErrorCode as _;
use kafka_protocol::messages::InitProducerIdRequest;

use crate::connect::Connection;
use crate::error::KafkaError;

/// An id that a cluster gave to one idempotent producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProducerId {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// Whether batches are numbered, and under which id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// They are not: by choice, or because the brokers refuse it.
    Without,
    /// An id is needed before the next new batch can be sent.
    Wanted,
    /// An id is being asked for.
    Asked,
    /// New batches get this id.
    Known(ProducerId),
}

/// Asks a broker for a fresh id.
pub(super) async fn ask(connection: &mut Connection) -> Result<ProducerId, KafkaError> {
    // 3 and 4 can raise the epoch of an id; a fresh id does the same.
    let version = connection.version::<InitProducerIdRequest>(0..=4)?;
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(i32::MAX);
    let response = connection.request(&request, version).await?;
    match response.error_code.err() {
        Some(error) => Err(KafkaError::Refused {
            broker: connection.broker().to_string(),
            api: "InitProducerId",
            error,
        }),
        None => Ok(ProducerId {
            id: response.producer_id.0,
            epoch: response.producer_epoch,
        }),
    }
}
