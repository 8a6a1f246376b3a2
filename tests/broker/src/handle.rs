//! Everything that can be done with a broker without the wire.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use kafka_protocol::messages::ApiKey;

use crate::batch::{BatchHeader, set_place};
use crate::builder::{BatchBuilder, Marker};
use crate::error::BrokerError;
use crate::faults::{FaultRule, FaultScript, FiredFault};
use crate::log::AbortedTransaction;
use crate::options::TopicOptions;
use crate::record::Record;
use crate::state::State;
use crate::topic::{Topic, locked};

/// Topics, logs and faults of a broker, without the wire. Cheap to clone; needs no runtime.
#[derive(Debug, Clone)]
pub struct BrokerHandle {
    state: Arc<State>,
}

/// Where a transaction that was appended in process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionOffsets {
    /// Its first record.
    pub first_offset: i64,
    /// Its COMMIT or ABORT marker.
    pub marker_offset: i64,
}

/// The base offset and leader epoch of a raw batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawBaseOffset {
    /// Base offset and leader epoch are overwritten with those that the log gives, as a broker does.
    Assigned,
    /// All bytes stay as given.
    AsGiven,
}

impl BrokerHandle {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }
}

/// # Topics
impl BrokerHandle {
    /// `127.0.0.1:port`, as clients write it. The same after a restart.
    pub fn address(&self) -> String {
        self.state.address().to_string()
    }

    /// The address as the system knows it.
    pub fn socket_address(&self) -> SocketAddr {
        self.state.address()
    }

    /// The ids of the nodes, and where each listens.
    pub fn nodes(&self) -> &[(i32, SocketAddr)] {
        &self.state.nodes
    }

    /// Requests of this kind that came so far, whatever became of them.
    pub fn requests(&self, api: ApiKey) -> u64 {
        locked(&self.state.requests)
            .get(&(api as i16))
            .copied()
            .unwrap_or(0)
    }

    /// Requests of all kinds that came so far, whatever became of them.
    pub fn requests_total(&self) -> u64 {
        locked(&self.state.requests).values().sum()
    }

    /// Creates a topic and returns its id.
    ///
    /// # Errors
    /// The name is taken or not valid, or the number of partitions is not possible.
    pub fn create_topic(&self, topic: &str, options: TopicOptions) -> Result<Uuid, BrokerError> {
        Ok(self.state.topics_mut().create(topic, options)?.id)
    }

    /// Deletes a topic with its records. A topic created later under this name is another one, with another
    /// id.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopic`].
    pub fn delete_topic(&self, topic: &str) -> Result<(), BrokerError> {
        self.state.topics_mut().delete(topic)?;
        self.state.changed();
        Ok(())
    }

    /// The id of the present life of a topic.
    ///
    /// # Errors
    /// [`BrokerError::UnknownTopic`].
    pub fn topic_id(&self, topic: &str) -> Result<Uuid, BrokerError> {
        Ok(self.topic(topic)?.id)
    }

    /// The names of all topics, sorted.
    pub fn topics(&self) -> Vec<String> {
        self.state
            .topics()
            .iter()
            .map(|topic| topic.name.clone())
            .collect()
    }

    fn topic(&self, topic: &str) -> Result<Arc<Topic>, BrokerError> {
        self.state.topics().named(topic)
    }
}

/// # Appending
///
/// Each call appends one batch (a transaction: its batches and its marker) and wakes the consumers that wait.
/// All fail with [`BrokerError::UnknownTopic`] or [`BrokerError::UnknownPartition`] where those are not.
impl BrokerHandle {
    /// Appends records as one batch, with the codec of the topic, and returns the offset of the first.
    ///
    /// # Errors
    /// See above.
    pub fn append(
        &self,
        topic: &str,
        partition: i32,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<i64, BrokerError> {
        let codec = self.topic(topic)?.options.compression.own_codec();
        self.append_batch(
            topic,
            partition,
            BatchBuilder::new().compression(codec).records(records),
        )
    }

    /// Appends a batch of any kind: with holes, empty, with a codec or a producer of its own. A transactional
    /// batch opens a transaction of its producer, which [`end_transaction`](Self::end_transaction) ends.
    /// Returns the base offset.
    ///
    /// # Errors
    /// See above; [`BrokerError::MalformedBatch`] if the last offset delta is negative.
    pub fn append_batch(&self, topic: &str, partition: i32, batch: BatchBuilder) -> Result<i64, BrokerError> {
        let batch = batch.build()?;
        let header = BatchHeader::parse(&batch)?;
        let base_offset = self.topic(topic)?.log(partition)?.append(batch, &header);
        self.state.changed();
        Ok(base_offset)
    }

    /// Appends a whole transaction, one batch per list of records, and commits it.
    ///
    /// # Errors
    /// See above; [`BrokerError::NoOpenTransaction`] if there is no batch at all.
    pub fn append_committed_transaction(
        &self,
        topic: &str,
        partition: i32,
        producer_id: i64,
        batches: impl IntoIterator<Item = Vec<Record>>,
    ) -> Result<TransactionOffsets, BrokerError> {
        self.append_transaction(topic, partition, producer_id, batches, Marker::Commit)
    }

    /// Appends a whole transaction, one batch per list of records, and aborts it.
    ///
    /// # Errors
    /// See above; [`BrokerError::NoOpenTransaction`] if there is no batch at all.
    pub fn append_aborted_transaction(
        &self,
        topic: &str,
        partition: i32,
        producer_id: i64,
        batches: impl IntoIterator<Item = Vec<Record>>,
    ) -> Result<TransactionOffsets, BrokerError> {
        self.append_transaction(topic, partition, producer_id, batches, Marker::Abort)
    }

    /// Appends records to the open transaction of a producer, and opens one if there is none. The last stable
    /// offset stays before it until [`end_transaction`](Self::end_transaction). Returns the base offset.
    ///
    /// # Errors
    /// See above.
    pub fn append_to_transaction(
        &self,
        topic: &str,
        partition: i32,
        producer_id: i64,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<i64, BrokerError> {
        let codec = self.topic(topic)?.options.compression.own_codec();
        let batch = BatchBuilder::new()
            .compression(codec)
            .producer(producer_id, 0, 0)
            .transactional();
        self.append_batch(topic, partition, batch.records(records))
    }

    /// Ends the open transaction of a producer; returns the offset of the marker.
    ///
    /// # Errors
    /// See above; [`BrokerError::NoOpenTransaction`].
    pub fn end_transaction(
        &self,
        topic: &str,
        partition: i32,
        producer_id: i64,
        marker: Marker,
    ) -> Result<i64, BrokerError> {
        let offset = self
            .topic(topic)?
            .log(partition)?
            .end_transaction(producer_id, 0, marker, -1)?;
        self.state.changed();
        Ok(offset)
    }

    fn append_transaction(
        &self,
        topic: &str,
        partition: i32,
        producer_id: i64,
        batches: impl IntoIterator<Item = Vec<Record>>,
        marker: Marker,
    ) -> Result<TransactionOffsets, BrokerError> {
        let mut first = None;
        for records in batches {
            let offset = self.append_to_transaction(topic, partition, producer_id, records)?;
            first.get_or_insert(offset);
        }
        let marker_offset = self.end_transaction(topic, partition, producer_id, marker)?;
        Ok(TransactionOffsets {
            first_offset: first.unwrap_or(marker_offset),
            marker_offset,
        })
    }

    /// Appends bytes as they are, as a batch that takes up `offsets` offsets (at least one). They need not be
    /// a batch: this is for corrupt, truncated and foreign ones. Returns the base offset.
    ///
    /// # Errors
    /// See above.
    pub fn append_raw_batch(
        &self,
        topic: &str,
        partition: i32,
        batch: Bytes,
        offsets: u32,
        base_offset: RawBaseOffset,
    ) -> Result<i64, BrokerError> {
        let topic = self.topic(topic)?;
        let mut log = topic.log(partition)?;
        let mut bytes = batch.to_vec();
        if base_offset == RawBaseOffset::Assigned && bytes.len() >= 16 {
            set_place(&mut bytes, log.high_watermark(), log.leader_epoch());
        }
        let offset = log.append_raw(bytes.into(), i64::from(offsets.max(1)));
        drop(log);
        self.state.changed();
        Ok(offset)
    }

    /// Leaves the next `offsets` offsets without any batch, as compaction does that empties whole batches.
    ///
    /// # Errors
    /// See above.
    pub fn skip_offsets(&self, topic: &str, partition: i32, offsets: u32) -> Result<(), BrokerError> {
        self.topic(topic)?.log(partition)?.skip(i64::from(offsets));
        self.state.changed();
        Ok(())
    }
}

/// # Logs
///
/// All fail with [`BrokerError::UnknownTopic`] or [`BrokerError::UnknownPartition`] where those are not.
impl BrokerHandle {
    /// Moves the log start to `offset`, as retention does. A batch that holds it stays whole.
    ///
    /// # Errors
    /// See above; [`BrokerError::OffsetOutOfRange`] for an offset before the log start or behind the log end.
    pub fn delete_records_before(&self, topic: &str, partition: i32, offset: i64) -> Result<(), BrokerError> {
        self.topic(topic)?.log(partition)?.delete_before(offset)?;
        self.state.changed();
        Ok(())
    }

    /// The first offset that can be read.
    ///
    /// # Errors
    /// See above.
    pub fn log_start(&self, topic: &str, partition: i32) -> Result<i64, BrokerError> {
        Ok(self.topic(topic)?.log(partition)?.log_start())
    }

    /// The offset that the next record will have.
    ///
    /// # Errors
    /// See above.
    pub fn high_watermark(&self, topic: &str, partition: i32) -> Result<i64, BrokerError> {
        Ok(self.topic(topic)?.log(partition)?.high_watermark())
    }

    /// The first offset of the oldest open transaction, or the high watermark if none is open.
    ///
    /// # Errors
    /// See above.
    pub fn last_stable_offset(&self, topic: &str, partition: i32) -> Result<i64, BrokerError> {
        Ok(self.topic(topic)?.log(partition)?.last_stable_offset())
    }

    /// The aborted transactions that the log still holds, in the order of their markers, as a broker keeps
    /// them: not in the order of their first offsets.
    ///
    /// # Errors
    /// See above.
    pub fn aborted_transactions(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<Vec<AbortedTransaction>, BrokerError> {
        Ok(self.topic(topic)?.log(partition)?.aborted().to_vec())
    }

    /// Removes the records whose offsets are not to be kept, as compaction does. Offsets stay, and so do the markers
    /// of transactions.
    ///
    /// # Errors
    /// See above; [`BrokerError::Codec`] if a batch cannot be compressed again.
    pub fn compact(
        &self,
        topic: &str,
        partition: i32,
        keep: impl Fn(i64) -> bool,
    ) -> Result<(), BrokerError> {
        self.topic(topic)?.log(partition)?.compact(keep)?;
        self.state.changed();
        Ok(())
    }

    /// Begins the next leader epoch of a partition, as a new election does that its leader wins, and returns it.
    /// Requests with an older epoch are answered FENCED_LEADER_EPOCH.
    ///
    /// # Errors
    /// See above.
    pub fn advance_leader_epoch(&self, topic: &str, partition: i32) -> Result<i32, BrokerError> {
        let topic = self.topic(topic)?;
        let mut log = topic.log(partition)?;
        let leader = log.leader();
        let epoch = log.elect(leader);
        drop(log);
        self.state.changed();
        Ok(epoch)
    }

    /// Makes a node the leader of a partition, in the next leader epoch, and returns that. The node that led before
    /// answers NOT_LEADER_OR_FOLLOWER from then on.
    ///
    /// # Errors
    /// See above; [`BrokerError::UnknownNode`].
    pub fn elect(&self, topic: &str, partition: i32, node: i32) -> Result<i32, BrokerError> {
        self.check_node(node)?;
        let epoch = self.topic(topic)?.log(partition)?.elect(node);
        self.state.changed();
        Ok(epoch)
    }

    /// Makes a node the leader of a partition that had missed all from `offset` on, in the next leader epoch: what
    /// Kafka calls an unclean election. A batch that holds the offset goes as a whole. Returns where the log ends now.
    ///
    /// # Errors
    /// See above; [`BrokerError::UnknownNode`]; [`BrokerError::OffsetOutOfRange`] for an offset outside of the log.
    pub fn elect_unclean(
        &self,
        topic: &str,
        partition: i32,
        node: i32,
        offset: i64,
    ) -> Result<i64, BrokerError> {
        self.check_node(node)?;
        let topic = self.topic(topic)?;
        let mut log = topic.log(partition)?;
        let end = log.truncate(offset)?;
        log.elect(node);
        drop(log);
        self.state.changed();
        Ok(end)
    }

    fn check_node(&self, node: i32) -> Result<(), BrokerError> {
        let nodes = self.state.options.node_ids();
        if nodes.contains(&node) {
            Ok(())
        } else {
            Err(BrokerError::UnknownNode {
                node,
                first: nodes.start,
                last: nodes.end - 1,
            })
        }
    }
}

/// # Faults
impl BrokerHandle {
    /// Adds a rule behind those of the script.
    pub fn add_fault(&self, rule: FaultRule) {
        locked(&self.state.faults).push(rule);
    }

    /// Replaces the script; what has fired so far is forgotten.
    pub fn set_faults(&self, script: FaultScript) {
        *locked(&self.state.faults) = script;
    }

    /// What has fired so far, in order.
    pub fn fired_faults(&self) -> Vec<FiredFault> {
        locked(&self.state.faults).fired().to_vec()
    }
}
