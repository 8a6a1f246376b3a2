//! Produce: checks one batch per partition, gives it its offset and stores it.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ApiKey, ProduceRequest, ProduceResponse};
use kafka_protocol::protocol::VersionRange;

use super::{Answer, Handler, check_leader};
use crate::batch::{self, BatchHeader};
use crate::codec::Compression;
use crate::error::BrokerError;
use crate::faults::Place;
use crate::options::TopicCompression;
use crate::shape::{Shape, blob, fixed, structs, text};
use crate::state::{Context, State};
use crate::topic::Topic;

/// The first version whose clients know Zstandard.
const ZSTD_FROM: i16 = 7;

impl Handler for ProduceRequest {
    const API: ApiKey = ApiKey::Produce;
    const SERVED: VersionRange = VersionRange { min: 3, max: 13 };
    const SHAPE: Shape = Shape {
        flexible_from: 9,
        fields: &[
            text(),
            fixed(2),
            fixed(4),
            structs(&[
                text().until(12),
                fixed(16).since(13),
                structs(&[fixed(4), blob()]),
            ]),
        ],
    };

    fn places(&self, state: &State) -> Vec<Place> {
        let mut places = Vec::new();
        for data in &self.topic_data {
            let Ok(topic) = state.topics().meant(&data.name, data.topic_id) else {
                continue;
            };
            for partition in &data.partition_data {
                let offset = topic.log(partition.index).ok().map(|log| log.high_watermark());
                places.push(Place {
                    topic: topic.name.clone(),
                    partition: Some(partition.index),
                    offset,
                });
            }
        }
        places
    }

    async fn handle(self, context: &Context) -> Answer<ProduceResponse> {
        let acks_valid = matches!(self.acks, -1..=1);
        let mut failed = false;
        let mut responses = Vec::with_capacity(self.topic_data.len());
        for data in self.topic_data {
            let topic = match context.state.topics().meant(&data.name, data.topic_id) {
                _ if !acks_valid => Err(ResponseError::InvalidRequiredAcks),
                found => found,
            };
            let partitions = data.partition_data.into_iter().map(|partition| {
                let index = partition.index;
                let stored = topic
                    .as_ref()
                    .map_err(|error| *error)
                    .and_then(|topic| store(context, topic, partition));
                failed |= stored.is_err();
                let response = PartitionProduceResponse::default()
                    .with_index(index)
                    .with_log_append_time_ms(-1);
                match stored {
                    Ok(Stored {
                        base_offset,
                        log_start,
                    }) => response
                        .with_base_offset(base_offset)
                        .with_log_start_offset(log_start),
                    Err(error) => response
                        .with_base_offset(-1)
                        .with_log_start_offset(-1)
                        .with_error_code(error.code()),
                }
            });
            let partitions = partitions.collect();
            responses.push(
                TopicProduceResponse::default()
                    .with_name(data.name)
                    .with_topic_id(data.topic_id)
                    .with_partition_responses(partitions),
            );
        }
        context.state.changed();
        match self.acks {
            // Who wants no acknowledgement learns of a failure only from the connection.
            0 if failed => Answer::Close,
            0 => Answer::Nothing,
            _ => Answer::Respond(ProduceResponse::default().with_responses(responses)),
        }
    }
}

struct Stored {
    base_offset: i64,
    log_start: i64,
}

fn store(context: &Context, topic: &Topic, data: PartitionProduceData) -> Result<Stored, ResponseError> {
    if let Some(error) = context.scripted_error(&topic.name, Some(data.index)) {
        return Err(error);
    }
    // Before anything is decompressed: the partition has to exist, and here.
    let log = topic.log(data.index).map_err(|error| error.response_error())?;
    check_leader(context, &log, -1)?;
    drop(log);
    let records = data.records.unwrap_or_default();
    let limit = context.state.options.batch_bytes_max;
    let refuse = |error: BrokerError| {
        tracing::debug!(topic = topic.name, partition = data.index, %error, "batch refused");
        error.response_error()
    };
    if records.len() > limit {
        return Err(refuse(BrokerError::BatchTooLarge {
            bytes: records.len(),
            limit,
        }));
    }
    let header = BatchHeader::parse(&records).map_err(refuse)?;
    batch::check_crc(&records).map_err(refuse)?;
    check_producible(&header, context.version)?;
    let records = match topic.options.compression {
        TopicCompression::Codec(codec) if codec != header.compression => {
            batch::recompress(&records, &header, codec).map_err(refuse)?
        }
        TopicCompression::Codec(_) | TopicCompression::Producer => records,
    };
    let mut log = topic.log(data.index).map_err(|error| error.response_error())?;
    let base_offset = log.append_produced(records, &header)?;
    Ok(Stored {
        base_offset,
        log_start: log.log_start(),
    })
}

/// What a broker refuses though it is a well-formed batch.
fn check_producible(header: &BatchHeader, version: i16) -> Result<(), ResponseError> {
    let BatchHeader {
        record_count,
        last_offset_delta,
        ..
    } = *header;
    if header.control || record_count == 0 || record_count - 1 != last_offset_delta {
        Err(ResponseError::InvalidRecord)
    } else if header.transactional {
        // No transaction coordinator is here that could ever end it.
        Err(ResponseError::InvalidTxnState)
    } else if header.compression == Compression::Zstd && version < ZSTD_FROM {
        Err(ResponseError::UnsupportedCompressionType)
    } else {
        Ok(())
    }
}
