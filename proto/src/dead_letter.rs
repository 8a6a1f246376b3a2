//! Dead letters: records that could not be decoded, kept whole.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, Int64Array};
use sha2::{Digest, Sha256};

use crate::columns::{ChoiceColumn, LogColumns, Place};
use crate::error::{Reason, Rejection};
use crate::policy::Policy;

/// The columns of `dead_letters`.
#[derive(Debug)]
pub(crate) struct DeadLetterColumns {
    pub(crate) log: LogColumns,
    offset: Vec<i64>,
    kafka_time: TimestampMicrosecondBuilder,
    key: BinaryBuilder,
    headers: StringBuilder,
    reason: ChoiceColumn,
    error: StringBuilder,
    policy: ChoiceColumn,
    payload: BinaryBuilder,
    payload_bytes: Vec<i64>,
    payload_sha256: BinaryBuilder,
}

impl DeadLetterColumns {
    pub(crate) fn new() -> Self {
        Self {
            log: LogColumns::new(),
            offset: Vec::new(),
            kafka_time: TimestampMicrosecondBuilder::new(),
            key: BinaryBuilder::new(),
            headers: StringBuilder::new(),
            reason: ChoiceColumn::with_entries(Reason::ALL.map(Reason::as_str)),
            error: StringBuilder::new(),
            policy: ChoiceColumn::with_entries(Policy::ALL.map(Policy::as_str)),
            payload: BinaryBuilder::new(),
            payload_bytes: Vec::new(),
            payload_sha256: BinaryBuilder::new(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.offset.len()
    }

    pub(crate) fn push(
        &mut self,
        place: &Place<'_>,
        value: Option<&[u8]>,
        rejection: &Rejection,
        policy: Policy,
    ) {
        self.log.push(place.log, place.partition);
        self.offset.push(place.offset);
        self.kafka_time.append_option(place.kafka_time_us);
        self.key.append_option(place.key);
        self.headers.append_option(place.headers);
        self.reason.push(rejection.reason as i32);
        self.error.append_value(&rejection.detail);
        self.policy.push(policy as i32);
        self.payload.append_option(value);
        self.payload_bytes
            .push(value.map_or(0, |value| i64::try_from(value.len()).unwrap_or(i64::MAX)));
        self.payload_sha256.append_option(value.map(Sha256::digest));
    }

    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        let mut columns = Vec::new();
        self.log.finish(&mut columns);
        let own: [ArrayRef; 10] = [
            Arc::new(Int64Array::from(std::mem::take(&mut self.offset))),
            Arc::new(self.kafka_time.finish().with_timezone("UTC")),
            Arc::new(self.key.finish()),
            Arc::new(self.headers.finish()),
            self.reason.finish(),
            Arc::new(self.error.finish()),
            self.policy.finish(),
            Arc::new(self.payload.finish()),
            Arc::new(Int64Array::from(std::mem::take(&mut self.payload_bytes))),
            Arc::new(self.payload_sha256.finish()),
        ];
        columns.extend(own);
        columns
    }
}
