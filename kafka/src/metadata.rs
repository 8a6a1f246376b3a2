//! What the cluster says about its brokers, topics and partitions.

use std::collections::HashMap;
use std::sync::Arc;

use kafka_protocol::error::{ParseResponseErrorCode, ResponseError};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{DescribeConfigsRequest, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::address::BrokerAddress;
use crate::connect::{ConnectOptions, Connection};
use crate::error::KafkaError;

/// The cluster as one answer shows it.
#[derive(Clone, Debug, Default)]
pub struct ClusterView {
    /// Where the brokers listen, by node id.
    pub brokers: HashMap<i32, BrokerAddress>,
    /// Node id of the broker that topics are created and deleted at; `None` where the cluster does not tell.
    pub controller: Option<i32>,
    /// The topics asked for.
    pub topics: Vec<TopicView>,
}

/// One topic as the cluster shows it.
#[derive(Clone, Debug)]
pub struct TopicView {
    /// Name of the topic.
    pub name: Arc<str>,
    /// Its id; `None` from brokers without topic ids.
    pub id: Option<Uuid>,
    /// Why nothing else is known of it.
    pub error: Option<ResponseError>,
    /// Whether it is one of those that Kafka keeps for itself.
    pub is_internal: bool,
    /// Its partitions.
    pub partitions: Vec<PartitionView>,
}

impl TopicView {
    /// Whether the cluster says that there is no such topic.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(
            self.error,
            Some(ResponseError::UnknownTopicOrPartition | ResponseError::UnknownTopicId)
        )
    }
}

/// One partition as the cluster shows it.
#[derive(Clone, Copy, Debug)]
pub struct PartitionView {
    /// Number of the partition.
    pub partition: i32,
    /// Node id of its leader; `None` while it has none.
    pub leader: Option<i32>,
    /// Epoch of the leader, -1 = unknown.
    pub leader_epoch: i32,
    /// Brokers that have a copy of it.
    pub replicas: usize,
}

/// Asks any broker that answers.
#[derive(Debug)]
pub struct MetadataClient {
    options: Arc<ConnectOptions>,
    bootstrap: Vec<BrokerAddress>,
    /// Brokers that the last answer named: they still answer when those of the list are gone.
    known: Vec<BrokerAddress>,
    connection: Option<Connection>,
}

impl MetadataClient {
    /// A client that starts from these brokers.
    #[must_use]
    pub fn new(bootstrap: Vec<BrokerAddress>, options: Arc<ConnectOptions>) -> Self {
        Self {
            options,
            bootstrap,
            known: Vec::new(),
            connection: None,
        }
    }

    /// The list of brokers as text.
    #[must_use]
    pub fn bootstrap_text(&self) -> String {
        self.bootstrap
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// What the cluster says about these topics. Never creates one.
    ///
    /// # Errors
    /// No broker answers; the error is that of the last one tried.
    pub async fn view(&mut self, topics: &[Arc<str>]) -> Result<ClusterView, KafkaError> {
        self.view_with(topics, false).await
    }

    /// As [`MetadataClient::view`], and `may_create` lets brokers that are set so create the topics.
    ///
    /// # Errors
    /// As [`MetadataClient::view`].
    pub async fn view_with(
        &mut self,
        topics: &[Arc<str>],
        may_create: bool,
    ) -> Result<ClusterView, KafkaError> {
        self.look(Some(topics), may_create).await
    }

    /// What the cluster says about all of its topics, those of its own too.
    ///
    /// # Errors
    /// As [`MetadataClient::view`].
    pub async fn view_all(&mut self) -> Result<ClusterView, KafkaError> {
        self.look(None, false).await
    }

    async fn look(
        &mut self,
        topics: Option<&[Arc<str>]>,
        may_create: bool,
    ) -> Result<ClusterView, KafkaError> {
        let candidates: Vec<BrokerAddress> = self.known.iter().chain(&self.bootstrap).cloned().collect();
        if let Some(connection) = self.connection.take().filter(Connection::is_usable)
            && let Ok(view) = self.ask(connection, topics, may_create).await
        {
            return Ok(view);
        }
        let mut last = None;
        for (index, broker) in candidates.iter().enumerate() {
            if candidates[..index].contains(broker) {
                continue;
            }
            let answer = match Connection::open(broker, Arc::clone(&self.options)).await {
                Ok(connection) => self.ask(connection, topics, may_create).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(view) => return Ok(view),
                Err(error) => last = Some(error),
            }
        }
        Err(match last {
            Some(last) => KafkaError::NoBroker {
                brokers: self.bootstrap_text(),
                last: Box::new(last),
            },
            None => KafkaError::Setting {
                setting: "brokers",
                value: String::new(),
                reason: "name at least one broker",
            },
        })
    }

    async fn ask(
        &mut self,
        mut connection: Connection,
        topics: Option<&[Arc<str>]>,
        may_create: bool,
    ) -> Result<ClusterView, KafkaError> {
        // 10 brings topic ids; brokers before it give incarnations without a name.
        let version = connection.version::<MetadataRequest>(4..=12)?;
        let asked = topics.map(|topics| {
            topics
                .iter()
                .map(|topic| MetadataRequestTopic::default().with_name(Some(topic_name(topic))))
                .collect()
        });
        let request = MetadataRequest::default()
            .with_topics(asked)
            .with_allow_auto_topic_creation(may_create);
        let response = connection.request(&request, version).await?;
        let view = read(response, topics);
        self.known = view.brokers.values().cloned().collect();
        self.connection = Some(connection);
        Ok(view)
    }

    /// Whether each of these topics is compacted; topics that no answer can be had for are left out.
    pub(super) async fn compacted(&mut self, topics: &[Arc<str>]) -> HashMap<Arc<str>, bool> {
        let policies = self.setting(topics, "cleanup.policy").await;
        let is_compacted = |policy: &str| policy.split(',').any(|policy| policy.trim() == "compact");
        policies
            .into_iter()
            .map(|(topic, policy)| (topic, is_compacted(&policy)))
            .collect()
    }

    /// One setting of each of these topics, as text; topics that no answer can be had for are left out.
    pub(super) async fn setting(
        &mut self,
        topics: &[Arc<str>],
        setting: &'static str,
    ) -> HashMap<Arc<str>, String> {
        let Some(mut connection) = self.connection.take() else {
            return HashMap::new();
        };
        let Ok(version) = connection.version::<DescribeConfigsRequest>(1..=4) else {
            self.connection = Some(connection);
            return HashMap::new();
        };
        const TOPIC: i8 = 2;
        let resources = topics
            .iter()
            .map(|topic| {
                DescribeConfigsResource::default()
                    .with_resource_type(TOPIC)
                    .with_resource_name(StrBytes::from_string(topic.to_string()))
                    .with_configuration_keys(Some(vec![StrBytes::from_static_str(setting)]))
            })
            .collect();
        let request = DescribeConfigsRequest::default().with_resources(resources);
        let Ok(response) = connection.request(&request, version).await else {
            return HashMap::new();
        };
        self.connection = Some(connection);
        response
            .results
            .iter()
            .filter(|result| result.error_code.is_ok())
            .filter_map(|result| {
                let value = result
                    .configs
                    .iter()
                    .find(|config| config.name.as_str() == setting)?
                    .value
                    .as_ref()?;
                Some((Arc::from(result.resource_name.as_str()), value.to_string()))
            })
            .collect()
    }
}

pub(super) fn topic_name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// The topics asked for; `None` = all.
pub(super) fn read(response: MetadataResponse, asked: Option<&[Arc<str>]>) -> ClusterView {
    let controller = (response.controller_id.0 >= 0).then_some(response.controller_id.0);
    let brokers = response
        .brokers
        .iter()
        .filter_map(|broker| {
            let port = u16::try_from(broker.port).ok().filter(|port| *port > 0)?;
            Some((
                broker.node_id.0,
                BrokerAddress {
                    host: broker.host.to_string(),
                    port,
                },
            ))
        })
        .collect();
    let topics = response
        .topics
        .iter()
        .filter_map(|topic| {
            let named = topic.name.as_ref()?.as_str();
            let name = match asked {
                Some(asked) => Arc::clone(asked.iter().find(|asked| named == &***asked)?),
                None => Arc::from(named),
            };
            Some(TopicView {
                name,
                is_internal: topic.is_internal,
                id: (!topic.topic_id.is_nil()).then_some(topic.topic_id),
                error: topic.error_code.err(),
                partitions: topic
                    .partitions
                    .iter()
                    .filter(|partition| partition.partition_index >= 0)
                    .map(|partition| PartitionView {
                        partition: partition.partition_index,
                        leader: (partition.leader_id.0 >= 0).then_some(partition.leader_id.0),
                        leader_epoch: partition.leader_epoch,
                        replicas: partition.replica_nodes.len(),
                    })
                    .collect(),
            })
        })
        .collect();
    ClusterView {
        brokers,
        controller,
        topics,
    }
}
