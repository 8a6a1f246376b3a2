//! Answers of brokers from bytes of any origin: the entrance for fuzzing. They go the way that those of a connection go,
//! from the check of their shape to the records that they hold.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, DescribeConfigsResponse, FetchResponse, ListOffsetsResponse,
    MetadataResponse, OffsetForLeaderEpochResponse,
};
use kafka_protocol::protocol::Decodable;

use crate::batch::{self, Checksums};
use crate::cursor::Malformed;
use crate::fetch::{self, FetchPosition};
use crate::metadata;
use crate::offsets::PartitionRef;
use crate::shape;

/// The requests whose answers the source reads, each with the newest version that it asks for.
pub const ASKED: [(ApiKey, i16); 6] = [
    (ApiKey::Fetch, 13),
    (ApiKey::ListOffsets, 7),
    (ApiKey::Metadata, 12),
    (ApiKey::ApiVersions, 0),
    (ApiKey::OffsetForLeaderEpoch, 4),
    (ApiKey::DescribeConfigs, 4),
];

/// What an answer holds, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerTally {
    /// Partitions, of all topics.
    pub partitions: usize,
    /// Records, in sound batches.
    pub records: u64,
}

/// Reads the body of an answer to a request of this kind and version.
///
/// # Errors
/// What is wrong with it.
pub fn tally(api: ApiKey, version: i16, mut body: Bytes) -> Result<AnswerTally, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    shape::check(api as i16, version, &body).map_err(|Malformed(reason)| reason.to_owned())?;
    let mut tally = AnswerTally::default();
    match api {
        ApiKey::Fetch => {
            let response = FetchResponse::decode(&mut body, version).map_err(|error| said(&error))?;
            fetched(response, version, &mut tally);
        }
        ApiKey::Metadata => {
            let response = MetadataResponse::decode(&mut body, version).map_err(|error| said(&error))?;
            let names: Vec<Arc<str>> = response
                .topics
                .iter()
                .filter_map(|topic| topic.name.as_ref().map(|name| Arc::from(name.as_str())))
                .collect();
            let view = metadata::read(response, Some(&names));
            tally.partitions = view.topics.iter().map(|topic| topic.partitions.len()).sum();
        }
        ApiKey::ListOffsets => {
            let response = ListOffsetsResponse::decode(&mut body, version).map_err(|error| said(&error))?;
            tally.partitions = response.topics.iter().map(|topic| topic.partitions.len()).sum();
        }
        ApiKey::OffsetForLeaderEpoch => {
            let response =
                OffsetForLeaderEpochResponse::decode(&mut body, version).map_err(|error| said(&error))?;
            tally.partitions = response.topics.iter().map(|topic| topic.partitions.len()).sum();
        }
        ApiKey::DescribeConfigs => {
            DescribeConfigsResponse::decode(&mut body, version).map_err(|error| said(&error))?;
        }
        ApiKey::ApiVersions => {
            ApiVersionsResponse::decode(&mut body, version).map_err(|error| said(&error))?;
        }
        other => return Err(format!("the source asks for no {other:?}")),
    }
    Ok(tally)
}

/// All partitions of an answer to a fetch, each as if it had been asked for from the offset where its records begin.
fn fetched(response: FetchResponse, version: i16, tally: &mut AnswerTally) {
    let asked = |(topic, data): (&FetchableTopicResponse, &PartitionData)| FetchPosition {
        partition: PartitionRef {
            topic: Arc::from(topic.topic.as_str()),
            topic_id: Some(topic.topic_id),
            partition: data.partition_index,
            leader_epoch: -1,
        },
        offset: 0,
        last_epoch: -1,
        bytes_max: i32::MAX,
    };
    let positions: Vec<FetchPosition> = response
        .responses
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(move |data| (topic, data)))
        .map(asked)
        .collect();
    let answer = fetch::answer(response, &positions, version);
    tally.partitions = answer.partitions.len();
    for (_, partition) in &answer.partitions {
        let scan = batch::scan(&partition.records, 0, partition.high_watermark, -1).sound_part();
        if let Ok(found) = batch::tally(&partition.records, Checksums::Verify) {
            tally.records += found.records;
        }
        debug_assert!(scan.whole_bytes <= partition.records.len());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::BytesMut;
    use kafka_protocol::protocol::Encodable;
    use quipu_broker::{BatchBuilder, Record};

    use super::*;

    fn of_two_records(version: i16) -> Bytes {
        let batch = BatchBuilder::new()
            .records([Record::new("a"), Record::new("b")])
            .build()
            .unwrap();
        let data = PartitionData::default()
            .with_high_watermark(2)
            .with_records(Some(batch));
        let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
        let mut body = BytesMut::new();
        FetchResponse::default()
            .with_responses(vec![topic])
            .encode(&mut body, version)
            .unwrap();
        body.freeze()
    }

    #[test]
    fn an_answer_is_read_down_to_its_records() {
        for version in 10..=13 {
            let tallied = tally(ApiKey::Fetch, version, of_two_records(version)).unwrap();
            assert_eq!((tallied.partitions, tallied.records), (1, 2), "{version}");
        }
    }

    #[test]
    fn no_answer_with_one_wrong_byte_or_bytes_missing_does_more_than_fail() {
        for (api, newest) in ASKED {
            for version in 0..=newest {
                let body = of_two_records(version.clamp(10, 13));
                for at in 0..body.len() {
                    let _ = tally(api, version, body.slice(..at));
                    let mut damaged = body.to_vec();
                    damaged[at] ^= 0xff;
                    let _ = tally(api, version, damaged.into());
                }
            }
        }
    }
}
