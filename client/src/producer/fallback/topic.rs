//! Letters to a topic, one after the other.

use std::sync::Arc;

use prost::Message as _;
use quipu_kafka::produce::Producer;
use quipu_proto::Policy;
use quipu_proto::framing::unframe;
use quipu_proto::letter::{KAFKA_SEND_ERROR, LetterText, LibraryLetter};
use quipu_proto::message::DashStreamMessage;
use tokio::time::Instant;

use crate::ids::random_name;
use crate::producer::counts::{Counters, add};
use crate::producer::header::{header_of, now_us};

use super::{FallbackSetting, FallbackTopic, Letter};

/// Sends letters.
#[derive(Debug)]
pub(super) struct LetterSender {
    options: FallbackTopic,
    producer: Producer,
    source_topic: String,
    consumer_id: String,
    /// When a letter failed, and why: no other is tried for a while.
    failed: Option<(Instant, Arc<str>)>,
}

impl LetterSender {
    pub(super) fn new(options: FallbackTopic, setting: &FallbackSetting<'_>) -> Self {
        Self {
            producer: Producer::new(
                setting.brokers.to_vec(),
                &options.topic,
                setting.connect.clone(),
                options.attempt_timeout,
            ),
            source_topic: setting.source_topic.to_owned(),
            consumer_id: format!("producer:{}", setting.tenant),
            failed: None,
            options,
        }
    }

    pub(super) fn name(&self) -> Arc<str> {
        Arc::from(self.options.topic.as_str())
    }

    /// Sends a letter, or tells why it cannot be.
    pub(super) async fn send(&mut self, letter: &Letter, counters: &Counters) -> Result<(), Arc<str>> {
        if let Some((at, why)) = &self.failed
            && at.elapsed() < self.options.pause
        {
            add(&counters.dlq_send_failures, 1);
            return Err(Arc::clone(why));
        }
        let id = random_name();
        let thread = std::str::from_utf8(&letter.key).ok();
        let tenant = tenant_of(&letter.value);
        let text = LibraryLetter::new(&LetterText {
            payload: &letter.value,
            error: &letter.error,
            error_type: KAFKA_SEND_ERROR,
            topic: &self.source_topic,
            partition: -1,
            offset: -1,
            consumer_id: &self.consumer_id,
            thread_id: thread,
            tenant_id: tenant.as_deref(),
            trace_id: &id,
            now_us: now_us(),
        });
        let value = text.to_json();
        let mut failures = 0;
        loop {
            let sent = self
                .producer
                .send(text.key(), value.clone(), now_us() / 1_000)
                .await;
            let Err(error) = sent else {
                self.failed = None;
                return Ok(());
            };
            failures += 1;
            add(&counters.dlq_send_retries, 1);
            if failures >= self.options.attempts_max || !error.is_transient() {
                add(&counters.dlq_send_failures, 1);
                let why = Arc::<str>::from(format!(
                    "topic {} does not take letters: {error}",
                    self.options.topic
                ));
                tracing::warn!(%error, topic = self.options.topic, "a letter could not be sent");
                self.failed = Some((Instant::now(), Arc::clone(&why)));
                return Err(why);
            }
            tokio::time::sleep(quipu_kafka::produce::wait_before_retry(failures)).await;
        }
    }
}

/// The tenant that a message names.
fn tenant_of(value: &[u8]) -> Option<String> {
    let mut expanded = Vec::new();
    let bytes = unframe(value, Policy::Compatible, &mut expanded).ok()?;
    let message = DashStreamMessage::decode(bytes).ok()?;
    Some(header_of(&message)?.tenant_id.clone())
}
