//! OffsetForLeaderEpoch: where the records of a leader epoch end, by which a consumer notices a log that was
//! cut.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{ApiKey, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use kafka_protocol::protocol::VersionRange;
use uuid::Uuid;

use super::{Answer, Handler, check_leader};
use crate::faults::Place;
use crate::shape::{Shape, fixed, structs, text};
use crate::state::{Context, State};
use crate::topic::Topic;

impl Handler for OffsetForLeaderEpochRequest {
    const API: ApiKey = ApiKey::OffsetForLeaderEpoch;
    const SERVED: VersionRange = VersionRange { min: 2, max: 4 };
    const SHAPE: Shape = Shape {
        flexible_from: 4,
        fields: &[
            fixed(4).since(3),
            structs(&[text(), structs(&[fixed(4), fixed(4), fixed(4)])]),
        ],
    };

    fn places(&self, _state: &State) -> Vec<Place> {
        let partitions = self
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(move |at| (topic, at)));
        partitions
            .map(|(topic, at)| Place {
                topic: topic.topic.to_string(),
                partition: Some(at.partition),
                offset: None,
            })
            .collect()
    }

    async fn handle(self, context: &Context) -> Answer<OffsetForLeaderEpochResponse> {
        let topics = self.topics.into_iter().map(|asked| {
            let topic = context.state.topics().meant(&asked.topic, Uuid::nil());
            let partitions = asked.partitions.iter().map(|partition| {
                let end = topic
                    .as_ref()
                    .map_err(|error| *error)
                    .and_then(|topic| find(context, topic, partition));
                let response = EpochEndOffset::default().with_partition(partition.partition);
                match end {
                    Ok((epoch, offset)) => response.with_leader_epoch(epoch).with_end_offset(offset),
                    Err(error) => response.with_error_code(error.code()),
                }
            });
            let partitions = partitions.collect();
            OffsetForLeaderTopicResult::default()
                .with_topic(asked.topic)
                .with_partitions(partitions)
        });
        Answer::Respond(OffsetForLeaderEpochResponse::default().with_topics(topics.collect()))
    }
}

/// The epoch and its end; -1 and -1 where nothing is known.
fn find(
    context: &Context,
    topic: &Topic,
    asked: &OffsetForLeaderPartition,
) -> Result<(i32, i64), ResponseError> {
    if let Some(error) = context.scripted_error(&topic.name, Some(asked.partition)) {
        return Err(error);
    }
    let log = topic
        .log(asked.partition)
        .map_err(|error| error.response_error())?;
    check_leader(context, &log, asked.current_leader_epoch)?;
    Ok(log.epoch_end(asked.leader_epoch).unwrap_or((-1, -1)))
}
