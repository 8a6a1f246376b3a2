//! Dead letters: records that could not be decoded, kept whole.

use arrow_array::ArrayRef;
use sha2::{Digest, Sha256};

use crate::columns::{BytesColumn, ChoiceColumn, FullColumn, LogColumns, Place, TextColumn, TimeColumn};
use crate::error::{Reason, Rejection};
use crate::policy::Policy;
use arrow_array::types::Int64Type;

/// The columns of `dead_letters`.
#[derive(Debug)]
pub(crate) struct DeadLetterColumns {
    pub(crate) log: LogColumns,
    offset: FullColumn<Int64Type>,
    kafka_time: TimeColumn,
    key: BytesColumn,
    headers: TextColumn,
    reason: ChoiceColumn,
    error: TextColumn,
    policy: ChoiceColumn,
    payload: BytesColumn,
    payload_bytes: FullColumn<Int64Type>,
    payload_sha256: BytesColumn,
}

impl DeadLetterColumns {
    pub(crate) fn new() -> Self {
        Self {
            log: LogColumns::default(),
            offset: FullColumn::default(),
            kafka_time: TimeColumn::default(),
            key: BytesColumn::default(),
            headers: TextColumn::default(),
            reason: ChoiceColumn::with_entries(Reason::ALL.map(Reason::as_str)),
            error: TextColumn::default(),
            policy: ChoiceColumn::with_entries(Policy::ALL.map(Policy::as_str)),
            payload: BytesColumn::default(),
            payload_bytes: FullColumn::default(),
            payload_sha256: BytesColumn::default(),
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
        let at = self.rows();
        self.log.push(place.log, place.partition);
        self.offset.push(place.offset);
        self.kafka_time.set_option(at, place.kafka_time_us);
        self.key.set_option(at, place.key);
        self.headers.set_option(at, place.headers);
        self.reason.push(rejection.reason as i32);
        self.error.set_option(at, Some(&rejection.detail));
        self.policy.push(policy as i32);
        self.payload.set_option(at, value);
        self.payload_bytes
            .push(value.map_or(0, |value| i64::try_from(value.len()).unwrap_or(i64::MAX)));
        let sha256 = value.map(Sha256::digest);
        self.payload_sha256
            .set_option(at, sha256.as_ref().map(|digest| digest.as_slice()));
    }

    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        let rows = self.rows();
        let mut columns = Vec::new();
        self.log.finish(&mut columns);
        let own: [ArrayRef; 10] = [
            self.offset.finish(),
            self.kafka_time.finish(rows),
            self.key.finish(rows),
            self.headers.finish(rows),
            self.reason.finish(),
            self.error.finish(rows),
            self.policy.finish(),
            self.payload.finish(rows),
            self.payload_bytes.finish(),
            self.payload_sha256.finish(rows),
        ];
        columns.extend(own);
        columns
    }
}
