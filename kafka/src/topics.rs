//! Topics: made, listed and deleted.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, DeleteTopicsRequest};
use kafka_protocol::protocol::StrBytes;
use tokio::time::{sleep, timeout};

use crate::address::BrokerAddress;
use crate::connect::{ConnectOptions, Connection};
use crate::env::KafkaEnv;
use crate::error::KafkaError;
use crate::metadata::{MetadataClient, topic_name};

mod settings;

pub use settings::{CleanupPolicy, CompressionType, TopicProfile, TopicSettings};

/// Waits before the second and the third attempt to create a topic.
const RETRY_WAITS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(200)];

/// Time for one call where nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What became of the wish for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It was created. Brokers may take a moment to know it.
    Created,
    /// There was a topic of that name, which stays as it is, whatever its settings. Also after an attempt of ours that
    /// created it and whose answer was lost.
    ExistsAlready,
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicListing {
    /// Its name.
    pub name: String,
    /// Number of its partitions.
    pub partitions: usize,
    /// Copies of each partition, the fewest that one has.
    pub replication_factor: usize,
    /// Whether it is one of those that Kafka keeps for itself.
    pub is_internal: bool,
}

/// Creates, lists and deletes topics.
#[derive(Debug)]
pub struct TopicAdmin {
    brokers: Vec<BrokerAddress>,
    options: Arc<ConnectOptions>,
    timeout: Duration,
}

impl TopicAdmin {
    /// For the cluster of these brokers; a call takes 30 s at most. Nothing is connected yet.
    #[must_use]
    pub fn new(brokers: Vec<BrokerAddress>, options: ConnectOptions) -> Self {
        Self {
            brokers,
            options: Arc::new(options),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// For the cluster of the environment, as it says.
    ///
    /// # Errors
    /// As [`KafkaEnv::from_process`].
    pub fn from_env() -> Result<Self, KafkaError> {
        let env = KafkaEnv::from_process()?;
        let options = env.options();
        Ok(Self::new(env.brokers, options.connect).with_timeout(env.operation_timeout))
    }

    /// Sets the time that one call may take, attempts and waits together.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Creates a topic, in three attempts where the first ones fail by what may mend itself.
    ///
    /// # Errors
    /// No broker was reached in time, or the cluster refuses the name, the settings or us. That the topic exists already
    /// is no error.
    pub async fn create(&self, topic: &str, settings: &TopicSettings) -> Result<Creation, KafkaError> {
        self.within("CreateTopics", async {
            for wait in RETRY_WAITS {
                match self.try_create(topic, settings).await {
                    Err(error) if error.is_transient() => {
                        tracing::debug!(topic, %error, "topic not created; trying again");
                    }
                    answer => return answer,
                }
                sleep(wait).await;
            }
            self.try_create(topic, settings).await
        })
        .await
    }

    /// All topics, by name.
    ///
    /// # Errors
    /// No broker was reached in time.
    pub async fn list(&self) -> Result<Vec<TopicListing>, KafkaError> {
        let view = self.within("Metadata", self.metadata().view_all()).await?;
        let mut topics: Vec<TopicListing> = view
            .topics
            .into_iter()
            .filter(|topic| topic.error.is_none())
            .map(|topic| TopicListing {
                name: topic.name.to_string(),
                partitions: topic.partitions.len(),
                replication_factor: topic
                    .partitions
                    .iter()
                    .map(|partition| partition.replicas)
                    .min()
                    .unwrap_or(0),
                is_internal: topic.is_internal,
            })
            .collect();
        topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Deletes a topic with all of its records.
    ///
    /// # Errors
    /// No broker was reached in time, there is no such topic, or the cluster refuses.
    pub async fn delete(&self, topic: &str) -> Result<(), KafkaError> {
        self.within("DeleteTopics", async {
            let mut connection = self.controller().await?;
            // Up to 5 topics have names alone.
            let version = connection.version::<DeleteTopicsRequest>(1..=5)?;
            let request = DeleteTopicsRequest::default()
                .with_topic_names(vec![topic_name(topic)])
                .with_timeout_ms(self.timeout_ms());
            let response = connection
                .request_waiting(&request, version, self.timeout)
                .await?;
            let answer = response
                .responses
                .iter()
                .find(|answer| answer.name.as_ref().is_some_and(|name| name.as_str() == topic));
            let Some(answer) = answer else {
                return Err(silent(&connection, "DeleteTopics", topic));
            };
            match answer.error_code.err() {
                None => Ok(()),
                Some(error) => Err(refused(
                    &connection,
                    "DeleteTopics",
                    topic,
                    error,
                    answer.error_message.as_ref(),
                )),
            }
        })
        .await
    }

    async fn try_create(&self, topic: &str, settings: &TopicSettings) -> Result<Creation, KafkaError> {
        let mut connection = self.controller().await?;
        // 2 to 4 know no "as the broker sees fit", which they refuse by themselves.
        let version = connection.version::<CreateTopicsRequest>(2..=7)?;
        let configs = settings
            .configs()
            .into_iter()
            .map(|(name, value)| {
                CreatableTopicConfig::default()
                    .with_name(StrBytes::from_string(name))
                    .with_value(Some(StrBytes::from_string(value)))
            })
            .collect();
        let wanted = CreatableTopic::default()
            .with_name(topic_name(topic))
            .with_num_partitions(settings.partitions)
            .with_replication_factor(settings.replication_factor)
            .with_configs(configs);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![wanted])
            .with_timeout_ms(self.timeout_ms());
        let response = connection
            .request_waiting(&request, version, self.timeout)
            .await?;
        let Some(answer) = response
            .topics
            .iter()
            .find(|answer| answer.name.as_str() == topic)
        else {
            return Err(silent(&connection, "CreateTopics", topic));
        };
        match answer.error_code.err() {
            None => Ok(Creation::Created),
            Some(ResponseError::TopicAlreadyExists) => Ok(Creation::ExistsAlready),
            Some(error) => Err(refused(
                &connection,
                "CreateTopics",
                topic,
                error,
                answer.error_message.as_ref(),
            )),
        }
    }

    /// A connection to the controller, which alone creates and deletes topics in clusters that do not forward such
    /// requests; to any broker where none is named.
    async fn controller(&self) -> Result<Connection, KafkaError> {
        let mut metadata = self.metadata();
        let view = metadata.view(&[]).await?;
        let named = view.controller.and_then(|node| view.brokers.get(&node));
        let Some(broker) = named.or_else(|| view.brokers.values().next()) else {
            return Err(KafkaError::Malformed {
                broker: metadata.bootstrap_text(),
                api: "Metadata",
                reason: "it names no broker".to_owned(),
            });
        };
        Connection::open(broker, Arc::clone(&self.options)).await
    }

    fn metadata(&self) -> MetadataClient {
        MetadataClient::new(self.brokers.clone(), Arc::clone(&self.options))
    }

    fn timeout_ms(&self) -> i32 {
        i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX)
    }

    async fn within<T>(
        &self,
        api: &'static str,
        work: impl Future<Output = Result<T, KafkaError>>,
    ) -> Result<T, KafkaError> {
        let late = |_| KafkaError::Timeout {
            broker: self.metadata().bootstrap_text(),
            api,
            limit: self.timeout,
        };
        timeout(self.timeout, work).await.map_err(late)?
    }
}

fn refused(
    connection: &Connection,
    api: &'static str,
    topic: &str,
    error: ResponseError,
    message: Option<&StrBytes>,
) -> KafkaError {
    let message = message.filter(|message| !message.is_empty());
    KafkaError::TopicRefused {
        broker: connection.broker().to_string(),
        api,
        topic: topic.to_owned(),
        error,
        message: message.map_or_else(String::new, |message| format!(": {}", message.as_str())),
    }
}

fn silent(connection: &Connection, api: &'static str, topic: &str) -> KafkaError {
    KafkaError::Malformed {
        broker: connection.broker().to_string(),
        api,
        reason: format!("it does not say what became of topic {topic}"),
    }
}
