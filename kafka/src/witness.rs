//! Looking at the record that was read last: whether it still stands where it stood.

use std::convert::Infallible;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use quipu_proto::RecordFingerprint;

use crate::batch::{BatchSpan, BatchVisitor, BatchWalker, CorruptBatch, OnCorrupt};
use crate::connect::Connection;
use crate::continuity::Found;
use crate::error::KafkaError;
use crate::fetch::{FetchBounds, FetchPosition, fetch};
use crate::fingerprint;
use crate::hole::{HoleCause, OffsetHole};
use crate::offsets::{Isolation, PartitionRef};
use crate::raw::RawRecord;

/// Takes a look at one record of one partition.
///
/// # Errors
/// The request failed, as a whole or for this partition.
pub(super) async fn look(
    connection: &mut Connection,
    partition: PartitionRef,
    record: RecordFingerprint,
) -> Result<Result<Found, ResponseError>, KafkaError> {
    let offset = record.offset.0;
    let position = FetchPosition {
        partition,
        offset,
        last_epoch: -1,
        // One whole batch comes in any case.
        bytes_max: 1,
    };
    let bounds = FetchBounds {
        wait: Duration::ZERO,
        bytes_max: 1,
        isolation: Isolation::ReadUncommitted,
    };
    let answer = fetch(connection, &[position], &bounds).await?;
    let Some((_, fetched)) = answer.partitions.into_iter().next() else {
        return Ok(Err(ResponseError::UnknownTopicOrPartition));
    };
    match fetched.error {
        Some(ResponseError::OffsetOutOfRange) => return Ok(Ok(Found::Nothing)),
        Some(error) => return Ok(Err(error)),
        None => {}
    }
    let span = BatchSpan {
        bytes: &fetched.records,
        position: offset,
        end: offset.saturating_add(1),
        high_watermark: i64::MAX,
        aborted: &[],
        gap_cause: HoleCause::Unexplained,
    };
    let mut witness = Witness {
        record,
        found: Found::Nothing,
    };
    // A batch that cannot be read tells nothing.
    let _ = BatchWalker::new(OnCorrupt::DeadLetter).walk(&span, &mut witness);
    Ok(Ok(witness.found))
}

struct Witness {
    record: RecordFingerprint,
    found: Found,
}

impl BatchVisitor for Witness {
    type Error = Infallible;

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Infallible> {
        self.found = if fingerprint::of(record) == self.record {
            Found::Same
        } else {
            Found::Other
        };
        Ok(())
    }

    fn hole(&mut self, _hole: OffsetHole) -> Result<(), Infallible> {
        Ok(())
    }

    fn corrupt(&mut self, _batch: CorruptBatch<'_>) -> Result<(), Infallible> {
        Ok(())
    }
}
