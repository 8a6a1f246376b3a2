//! ListOffsets: the first offset, the next offset, or the first at a time.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ApiKey, ListOffsetsRequest, ListOffsetsResponse};
use kafka_protocol::protocol::VersionRange;
use uuid::Uuid;

use super::{Answer, Handler, check_leader};
use crate::faults::Place;
use crate::log::Isolation;
use crate::shape::{Shape, fixed, structs, text};
use crate::state::{Context, State};
use crate::topic::Topic;

/// In place of a timestamp: the next offset.
const LATEST: i64 = -1;
/// In place of a timestamp: the first offset.
const EARLIEST: i64 = -2;
/// In place of a timestamp: the record with the highest timestamp.
const NEWEST_TIMESTAMP: i64 = -3;

impl Handler for ListOffsetsRequest {
    const API: ApiKey = ApiKey::ListOffsets;
    const SERVED: VersionRange = VersionRange { min: 1, max: 7 };
    const SHAPE: Shape = Shape {
        flexible_from: 6,
        fields: &[
            fixed(4),
            fixed(1).since(2),
            structs(&[text(), structs(&[fixed(4), fixed(4).since(4), fixed(8)])]),
        ],
    };

    fn places(&self, _state: &State) -> Vec<Place> {
        let partitions = self
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(move |at| (topic, at)));
        partitions
            .map(|(topic, at)| Place {
                topic: topic.name.to_string(),
                partition: Some(at.partition_index),
                offset: None,
            })
            .collect()
    }

    async fn handle(self, context: &Context) -> Answer<ListOffsetsResponse> {
        let isolation = Isolation::of_wire(self.isolation_level);
        let topics = self.topics.into_iter().map(|asked| {
            let topic = context.state.topics().meant(&asked.name, Uuid::nil());
            let partitions = asked.partitions.iter().map(|partition| {
                let found = topic
                    .as_ref()
                    .map_err(|error| *error)
                    .and_then(|topic| find(context, topic, partition, isolation));
                let response =
                    ListOffsetsPartitionResponse::default().with_partition_index(partition.partition_index);
                match found {
                    Ok(Found {
                        timestamp,
                        offset,
                        leader_epoch,
                    }) => {
                        let response = response.with_timestamp(timestamp).with_offset(offset);
                        if context.version >= 4 {
                            response.with_leader_epoch(leader_epoch)
                        } else {
                            response
                        }
                    }
                    Err(error) => response
                        .with_error_code(error.code())
                        .with_timestamp(-1)
                        .with_offset(-1),
                }
            });
            let partitions = partitions.collect();
            ListOffsetsTopicResponse::default()
                .with_name(asked.name)
                .with_partitions(partitions)
        });
        Answer::Respond(ListOffsetsResponse::default().with_topics(topics.collect()))
    }
}

struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

fn find(
    context: &Context,
    topic: &Topic,
    asked: &ListOffsetsPartition,
    isolation: Isolation,
) -> Result<Found, ResponseError> {
    if let Some(error) = context.scripted_error(&topic.name, Some(asked.partition_index)) {
        return Err(error);
    }
    let log = topic
        .log(asked.partition_index)
        .map_err(|error| error.response_error())?;
    check_leader(context, &log, asked.current_leader_epoch)?;
    let end = log.visible_end(isolation);
    let nothing = (-1, -1);
    let (timestamp, offset) = match asked.timestamp {
        LATEST => (-1, end),
        EARLIEST => (-1, log.log_start()),
        NEWEST_TIMESTAMP => log.newest_timestamp().unwrap_or(nothing),
        time if time >= 0 => log
            .offset_at(time)
            .filter(|(_, offset)| *offset < end)
            .unwrap_or(nothing),
        _ => return Err(ResponseError::UnsupportedVersion),
    };
    Ok(Found {
        timestamp,
        offset,
        leader_epoch: log.leader_epoch(),
    })
}
