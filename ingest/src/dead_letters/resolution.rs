//! Rows of `dead_letter_resolutions`.

use std::sync::Arc;

use arrow_array::builder::{
    Int32Builder, Int64Builder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use quipu_proto::{Policy, Table};

use crate::clock::now_us;
use crate::dead_letters::ResolvedLetter;

/// The rows that say that these letters stand in the tables now.
pub(super) fn rows(resolved: &[ResolvedLetter], policy: Policy) -> Result<RecordBatch, ArrowError> {
    let now_us = now_us();
    let mut topic = StringDictionaryBuilder::<Int32Type>::new();
    let mut incarnation = StringDictionaryBuilder::<Int32Type>::new();
    let mut partition = Int32Builder::new();
    let mut offset = Int64Builder::new();
    let mut policies = StringDictionaryBuilder::<Int32Type>::new();
    let mut resolved_at = TimestampMicrosecondBuilder::new();
    let mut rows = Int64Builder::new();
    let mut first_table = StringDictionaryBuilder::<Int32Type>::new();
    for letter in resolved {
        let log = &letter.place.log;
        topic.append(&log.log.topic)?;
        incarnation.append(&log.log.incarnation)?;
        partition.append_value(log.partition.0);
        offset.append_value(letter.place.offset);
        policies.append(policy.as_str())?;
        resolved_at.append_value(now_us);
        rows.append_value(i64::try_from(letter.rows).unwrap_or(i64::MAX));
        first_table.append(letter.table.name())?;
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(topic.finish()),
        Arc::new(incarnation.finish()),
        Arc::new(partition.finish()),
        Arc::new(offset.finish()),
        Arc::new(policies.finish()),
        Arc::new(resolved_at.finish().with_timezone("UTC")),
        Arc::new(rows.finish()),
        Arc::new(first_table.finish()),
    ];
    RecordBatch::try_new(Table::DeadLetterResolutions.schema(), columns)
}
