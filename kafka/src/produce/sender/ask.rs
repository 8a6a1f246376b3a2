//! What the sender asks of the cluster, and what it makes of the answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::backoff::delay_and_more;
use crate::connect::Connection;
use crate::error::KafkaError;
use crate::metadata::{ClusterView, MetadataClient};
use crate::produce::identity::{self, Identity, ProducerId};

use super::{Done, Sender};

/// How long the leaders are held back for the answer what the topic takes.
const SETTING_TIMEOUT: Duration = Duration::from_secs(2);

impl<T: Send + 'static> Sender<T> {
    /// Asks for leaders, and for what the topic takes, when that is due.
    pub(super) fn ask_cluster(&mut self, now: Instant) {
        let Some(mut client) = self.cluster.take_client_to_ask(now) else {
            return;
        };
        let topic = [Arc::clone(&self.shared.topic)];
        let may_create = self.shared.options.may_create_topic;
        let wants_limit = self.shared.options.message_bytes_max.is_none();
        self.tasks.spawn(async move {
            let view = client.view_with(&topic, may_create).await;
            let mut bytes_max = None;
            if wants_limit && view.is_ok() {
                let asked = client.setting(&topic, "max.message.bytes");
                let told = timeout(SETTING_TIMEOUT, asked).await.unwrap_or_default();
                bytes_max = told.get(&topic[0]).and_then(|told| told.parse().ok());
            }
            Done::Metadata(Box::new((client, view, bytes_max)))
        });
    }

    pub(super) fn heard_of_cluster(
        &mut self,
        client: MetadataClient,
        view: Result<ClusterView, KafkaError>,
        bytes_max: Option<usize>,
    ) {
        if let Some(bytes) = bytes_max.filter(|bytes| *bytes > 0) {
            self.shared.set_topic_bytes_max(bytes);
        }
        let refresh = self.shared.options.metadata_refresh;
        self.cluster.heard(client, view, &self.shared.topic, refresh);
        if let Some(partitions) = self.cluster.partitions() {
            let limit = self.shared.batch_bytes();
            self.shared.queue().set_partitions(partitions, limit);
        }
    }

    /// Asks for an id where one is wanted.
    pub(super) fn ask_identity(&mut self, now: Instant) {
        if self.identity != Identity::Wanted || self.identity_at > now {
            return;
        }
        let Some(broker) = self.cluster.any_leader() else {
            return;
        };
        self.identity = Identity::Asked;
        let idle = self.links.entry(broker.clone()).or_default().idle.pop();
        let connect = Arc::clone(&self.connect);
        self.tasks.spawn(async move {
            let connection = match idle.filter(Connection::is_usable) {
                Some(connection) => Ok(connection),
                None => Connection::open(&broker, connect).await,
            };
            match connection {
                Ok(mut connection) => {
                    let answer = identity::ask(&mut connection).await;
                    Done::Identity {
                        connection: Some(connection).filter(Connection::is_usable),
                        answer,
                    }
                }
                Err(error) => Done::Identity {
                    connection: None,
                    answer: Err(error),
                },
            }
        });
    }

    pub(super) fn heard_of_identity(
        &mut self,
        connection: Option<Connection>,
        answer: Result<ProducerId, KafkaError>,
    ) {
        if let Some(connection) = connection {
            let link = self.links.entry(connection.broker().clone()).or_default();
            link.idle.push(connection);
        }
        match answer {
            Ok(id) => {
                self.identity = Identity::Known(id);
                self.identity_failures = 0;
            }
            Err(error) if error.is_transient() => {
                self.identity = Identity::Wanted;
                self.identity_failures += 1;
                self.identity_at = Instant::now() + delay_and_more(self.identity_failures);
                self.cluster.failed(Some(Arc::new(error)));
            }
            Err(error) => {
                tracing::warn!(
                    topic = &*self.shared.topic, %error,
                    "the cluster gives no id to an idempotent producer: records that are sent again after a lost answer may be stored twice"
                );
                self.identity = Identity::Without;
                self.shared.idempotent.store(false, Ordering::Relaxed);
            }
        }
    }
}
