//! A wire client for tests.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    FetchRequest, FetchResponse, ProduceRequest, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{Record as WireRecord, RecordBatchDecoder};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{BatchBuilder, Broker, BrokerHandle, BrokerOptions, Record, TopicOptions};

/// A connection that sends one request at a time.
pub(super) struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

impl Client {
    pub(super) async fn connect(broker: &BrokerHandle) -> Self {
        Self::of(TcpStream::connect(broker.socket_address()).await.unwrap())
    }

    pub(super) fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            correlation_id: 0,
        }
    }

    /// Sends a request and reads its response; an error is a closed connection.
    pub(super) async fn try_call<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> io::Result<R::Response> {
        self.send(version, request).await?;
        let mut frame = self.receive().await?;
        let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, self.correlation_id);
        let response = R::Response::decode(&mut frame, version).unwrap();
        assert!(frame.is_empty(), "{} bytes follow the response", frame.len());
        Ok(response)
    }

    pub(super) async fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.try_call(version, request).await.unwrap()
    }

    /// Sends a request without waiting for anything.
    pub(super) async fn send<R: Request>(&mut self, version: i16, request: &R) -> io::Result<()> {
        self.correlation_id += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(StrBytes::from_static_str("test")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, R::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        self.send_frame(&frame).await
    }

    pub(super) async fn send_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        // In one piece: a length on its own would wait for the acknowledgement of the request before.
        let length = i32::try_from(frame.len()).unwrap().to_be_bytes();
        self.stream.write_all(&[&length[..], frame].concat()).await
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads one frame without its length.
    pub(super) async fn receive(&mut self) -> io::Result<Bytes> {
        let length = self.stream.read_i32().await?;
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut frame).await?;
        Ok(frame.into())
    }

    /// Reads until the broker closes the connection, and returns what came before.
    pub(super) async fn read_to_close(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset counts as closed too: the broker may close with bytes of ours unread.
        let _ = self.stream.read_to_end(&mut bytes).await;
        bytes
    }

    /// Produces one batch and returns what its partition answers.
    pub(super) async fn produce(
        &mut self,
        version: i16,
        topic: &str,
        batch: Bytes,
    ) -> PartitionProduceResponse {
        let mut response = self.call(version, &produce(topic, batch)).await;
        response.responses.remove(0).partition_responses.remove(0)
    }

    /// Fetches partition 0 of a topic by name.
    pub(super) async fn fetch(&mut self, version: i16, topic: &str, offset: i64) -> PartitionData {
        one_partition(self.call(version, &fetch(topic, offset)).await)
    }
}

/// A broker with topic `t` of one partition, and a client.
pub(super) async fn started() -> (Broker, Client) {
    let broker = Broker::start(BrokerOptions::default()).await.unwrap();
    broker.create_topic("t", TopicOptions::default()).unwrap();
    let client = Client::connect(&broker).await;
    (broker, client)
}

pub(super) fn name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// Records with the values given.
pub(super) fn records(values: &[&str]) -> Vec<Record> {
    values
        .iter()
        .map(|value| Record::new(value.as_bytes().to_vec()))
        .collect()
}

/// A batch of such records.
pub(super) fn batch(values: &[&str]) -> Bytes {
    BatchBuilder::new().records(records(values)).build().unwrap()
}

/// A request to produce one batch to partition 0, acknowledged.
pub(super) fn produce(topic: &str, batch: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_records(Some(batch));
    let topic = TopicProduceData::default()
        .with_name(name(topic))
        .with_partition_data(vec![data]);
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(1000)
        .with_topic_data(vec![topic])
}

/// A request to fetch partition 0, without waiting.
pub(super) fn fetch(topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(name(topic))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_bytes(1 << 20)
        .with_topics(vec![topic])
}

pub(super) fn one_partition(mut response: FetchResponse) -> PartitionData {
    assert_eq!(response.error_code, 0);
    response.responses.remove(0).partitions.remove(0)
}

/// The records of a partition, decoded and decompressed by `kafka-protocol`.
pub(super) fn decoded(data: &PartitionData) -> Vec<WireRecord> {
    let mut bytes = data.records.clone().unwrap();
    RecordBatchDecoder::decode_all(&mut bytes)
        .unwrap()
        .into_iter()
        .flat_map(|set| set.records)
        .collect()
}

/// Offset and value of each record, control records left out.
pub(super) fn values(data: &PartitionData) -> Vec<(i64, String)> {
    let text = |record: WireRecord| {
        (
            record.offset,
            String::from_utf8(record.value.unwrap().to_vec()).unwrap(),
        )
    };
    decoded(data)
        .into_iter()
        .filter(|record| !record.control)
        .map(text)
        .collect()
}
