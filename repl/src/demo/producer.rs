//! A small Kafka producer: one connection, one request at a time, batches compressed with zstd. Enough for the demo,
//! which needs no other client beside the one it shows.

use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, Record, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::traffic::Outgoing;

/// The version of Produce that is spoken.
const PRODUCE_VERSION: i16 = 9;

/// How long the broker may take to store a request, in milliseconds.
const TIMEOUT_MS: i32 = 10_000;

/// Messages that are sent with one request.
const REQUEST_MESSAGES: usize = 2_000;

/// Largest response that is taken, in bytes; ours have less than a hundred.
const RESPONSE_BYTES_MAX: u32 = 1 << 20;

/// A connection that produces to one topic.
#[derive(Debug)]
pub(crate) struct Producer {
    stream: TcpStream,
    topic: TopicName,
    correlation_id: i32,
}

impl Producer {
    /// Connects to a broker.
    pub(crate) async fn connect(address: &str, topic: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            topic: TopicName(StrBytes::from_string(topic.to_owned())),
            correlation_id: 0,
        })
    }

    /// Sends messages in order and waits until the broker has them all.
    pub(crate) async fn send_all(&mut self, messages: &[Outgoing]) -> Result<()> {
        for messages in messages.chunks(REQUEST_MESSAGES) {
            self.send(messages).await?;
        }
        Ok(())
    }

    /// Sends messages with one request.
    async fn send(&mut self, messages: &[Outgoing]) -> Result<()> {
        let mut partitions: Vec<i32> = messages.iter().map(|message| message.partition).collect();
        partitions.sort_unstable();
        partitions.dedup();
        let mut data = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let own = messages.iter().filter(|message| message.partition == partition);
            data.push(
                PartitionProduceData::default()
                    .with_index(partition)
                    .with_records(Some(batch(own)?)),
            );
        }
        let topic = TopicProduceData::default()
            .with_name(self.topic.clone())
            .with_partition_data(data);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(TIMEOUT_MS)
            .with_topic_data(vec![topic]);
        let response = self
            .exchange(&request)
            .await
            .context("the broker of the demo does not answer")?;
        for partition in response
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses)
        {
            if partition.error_code != 0 {
                bail!(
                    "partition {} refused messages with error {}",
                    partition.index,
                    partition.error_code
                );
            }
        }
        Ok(())
    }

    async fn exchange(&mut self, request: &ProduceRequest) -> Result<ProduceResponse> {
        self.correlation_id += 1;
        let header = RequestHeader::default()
            .with_request_api_key(ApiKey::Produce as i16)
            .with_request_api_version(PRODUCE_VERSION)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(StrBytes::from_static_str("quipu-demo")));
        let mut frame = BytesMut::new();
        header.encode(
            &mut frame,
            ApiKey::Produce.request_header_version(PRODUCE_VERSION),
        )?;
        request.encode(&mut frame, PRODUCE_VERSION)?;
        self.stream.write_u32(u32::try_from(frame.len())?).await?;
        self.stream.write_all(&frame).await?;

        let length = self.stream.read_u32().await?;
        if length > RESPONSE_BYTES_MAX {
            bail!("a response of {length} bytes, more than {RESPONSE_BYTES_MAX}");
        }
        let mut response = vec![0; length as usize];
        self.stream.read_exact(&mut response).await?;
        let mut response = Bytes::from(response);
        let header = ResponseHeader::decode(
            &mut response,
            ApiKey::Produce.response_header_version(PRODUCE_VERSION),
        )?;
        if header.correlation_id != self.correlation_id {
            bail!(
                "the answer to request {} where that to {} was due",
                header.correlation_id,
                self.correlation_id
            );
        }
        ProduceResponse::decode(&mut response, PRODUCE_VERSION)
    }
}

/// One record batch.
fn batch<'a>(messages: impl Iterator<Item = &'a Outgoing>) -> Result<Bytes> {
    let records: Vec<Record> = (0..)
        .zip(messages)
        .map(|(at, message)| record(at, message))
        .collect();
    let mut encoded = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::Zstd,
    };
    RecordBatchEncoder::encode(&mut encoded, &records, &options)?;
    Ok(encoded.freeze())
}

fn record(at: i32, message: &Outgoing) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: i64::from(at),
        // The encoder takes the base sequence from here, and -1 means that there is none.
        sequence: at - 1,
        timestamp: message.time_ms,
        key: Some(message.key.clone()),
        value: Some(message.value.clone()),
        headers: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use quipu_broker::{Broker, BrokerOptions, TopicOptions};

    use super::*;
    use crate::demo::traffic;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_message_reaches_its_partition() {
        let broker = Broker::start(BrokerOptions::default()).await.unwrap();
        broker.create_topic("t", TopicOptions::partitions(4)).unwrap();
        let messages = traffic::messages(5_000, 1, 4);
        Producer::connect(&broker.address(), "t")
            .await
            .unwrap()
            .send_all(&messages)
            .await
            .unwrap();
        for partition in 0..4 {
            let sent = messages
                .iter()
                .filter(|message| message.partition == partition)
                .count();
            assert_eq!(
                broker.high_watermark("t", partition).unwrap(),
                i64::try_from(sent).unwrap()
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refusal_names_partition_and_error() {
        let broker = Broker::start(BrokerOptions::default()).await.unwrap();
        let mut producer = Producer::connect(&broker.address(), "missing").await.unwrap();
        let messages = traffic::messages(10, 1, 1);
        let error = producer.send_all(&messages).await.unwrap_err().to_string();
        assert!(
            error.contains("partition 0") && error.contains("error 3"),
            "{error}"
        );
    }
}
