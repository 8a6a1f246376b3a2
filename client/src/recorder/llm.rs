//! A request to a model.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::token_chunk::FinishReason;
use quipu_proto::message::{EventType, TokenChunk, TokenStats};
use serde_json::Value;

use super::attributes::Attributes;
use super::clock;
use super::opened::{Opened, Reason, What};
use super::scope::Scope;

/// What a model is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmRequest {
    model: String,
    provider: String,
    request_id: Option<String>,
    attributes: BTreeMap<String, Value>,
}

impl LlmRequest {
    /// A request to this model. It gets a random id.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            ..Self::default()
        }
    }

    /// Who runs the model.
    #[must_use]
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = provider.into();
        self
    }

    /// The id of the request, if it has one already. It must be another one for each request of a thread.
    #[must_use]
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// Adds an attribute to the start, such as `temperature`.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// What a request took, as the provider tells it. What it does not tell is left out: it is not 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cost_usd: Option<f64>,
    finish_reason: Option<FinishReason>,
    text: String,
    attributes: BTreeMap<String, Value>,
}

impl Usage {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tokens read and written.
    #[must_use]
    pub fn tokens(mut self, input: u64, output: u64) -> Self {
        self.input_tokens = Some(input);
        self.output_tokens = Some(output);
        self
    }

    /// What it cost, in USD. An amount below 0, or none, is left out with a warning.
    #[must_use]
    pub fn cost_usd(mut self, cost: f64) -> Self {
        if cost.is_finite() && cost >= 0.0 {
            self.cost_usd = Some(cost);
        } else {
            tracing::warn!(cost, "a cost in USD must be 0 or more: it is left out");
        }
        self
    }

    /// Why the answer ended; without it STOP.
    #[must_use]
    pub fn finish_reason(mut self, reason: FinishReason) -> Self {
        self.finish_reason = Some(reason);
        self
    }

    /// The text of the answer, or the rest of it, where it was not told by [`Llm::chunk`].
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Adds an attribute to the end.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// The counts as chunks tell them.
    fn stats(&self) -> Option<TokenStats> {
        let (input, output) = (self.input_tokens?, self.output_tokens?);
        let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Some(TokenStats {
            prompt_tokens: number(input),
            completion_tokens: number(output),
            total_tokens: number(input.saturating_add(output)),
        })
    }
}

/// A request to a model, from LLM_START to LLM_END or LLM_ERROR. Its last TokenChunk carries the counts too.
///
/// Dropped without an end, it has failed: the reason is `dropped`, or `panicked` while its thread panics.
#[derive(Debug)]
pub struct Llm {
    scope: Scope,
    key: u64,
    opened: Opened,
    request_id: String,
    model: String,
    provider: String,
    chunks: AtomicU32,
    retries: AtomicU32,
}

impl Llm {
    pub(super) fn start(within: &Scope, request: LlmRequest) -> Self {
        let request_id = request.request_id.unwrap_or_else(crate::ids::random_name);
        let mut opened = within.opened(What::Llm {
            request_id: request_id.clone(),
            model: request.model.clone(),
            provider: request.provider.clone(),
        });
        let mut event = Attributes::default()
            .with("model", request.model.as_str())
            .with("provider", some(&request.provider))
            .with_all(&request.attributes)
            .event(EventType::LlmStart, &within.node_id);
        event.llm_request_id.clone_from(&request_id);
        let message = within.thread.redacted(Message::Event(event));
        let key = within.thread.open(&within.start, message, &mut opened);
        Self {
            scope: within.clone(),
            key,
            opened,
            request_id,
            model: request.model,
            provider: request.provider,
            chunks: AtomicU32::new(0),
            retries: AtomicU32::new(0),
        }
    }

    /// The id of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Tells a piece of the answer, in its order. A secret that is spread over several pieces is not found.
    pub fn chunk(&self, text: impl Into<String>) {
        let mut chunk = self.redacted_chunk(text.into());
        self.scope.thread.send_within(self.key, |_| {
            // In the lock, so that indexes are in the order of the messages.
            chunk.chunk_index = self.chunks.fetch_add(1, Ordering::Relaxed);
            Message::TokenChunk(chunk)
        });
    }

    fn redacted_chunk(&self, text: String) -> TokenChunk {
        TokenChunk {
            request_id: self.request_id.clone(),
            text: self.scope.thread.redacted_text(&text),
            model: self.model.clone(),
            ..TokenChunk::default()
        }
    }

    /// The provider failed and is asked again after that time.
    pub fn retry(&self, error: &(impl Display + ?Sized), backoff: Duration) {
        let attempt = self.retries.fetch_add(1, Ordering::Relaxed) + 1;
        let backoff_ms = u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX);
        let mut event = Attributes::default()
            .with("attempt", attempt)
            .with("backoff_ms", backoff_ms)
            .with("model", self.model.as_str())
            .with("error", format!("{error:#}"))
            .event(EventType::LlmRetry, &self.scope.node_id);
        event.llm_request_id.clone_from(&self.request_id);
        let message = self.scope.thread.redacted(Message::Event(event));
        self.scope.thread.send_within(self.key, |_| message);
    }

    /// The answer is whole.
    pub fn end(self, usage: Usage) {
        let finish_reason = usage.finish_reason.unwrap_or(FinishReason::Stop);
        let mut chunk = self.redacted_chunk(usage.text.clone());
        chunk.chunk_index = self.chunks.load(Ordering::Relaxed);
        chunk.is_final = true;
        chunk.finish_reason = finish_reason.into();
        chunk.stats = usage.stats();
        let mut event = Attributes::default()
            .with("model", self.model.as_str())
            .with("provider", some(&self.provider))
            .with("input_tokens", usage.input_tokens)
            .with("output_tokens", usage.output_tokens)
            .with("cost_usd", usage.cost_usd)
            .with("finish_reason", finish_reason_name(finish_reason))
            .with_all(&usage.attributes)
            .event(EventType::LlmEnd, &self.scope.node_id);
        event.llm_request_id.clone_from(&self.request_id);
        event.duration_us = clock::since_us(self.opened.started);
        let event = self.scope.thread.redacted(Message::Event(event));
        self.scope
            .thread
            .close(self.key, [Message::TokenChunk(chunk), event]);
    }

    /// There is no answer, or not all of it.
    pub fn fail(self, error: &(impl Display + ?Sized)) {
        let error = self.scope.thread.redacted_text(&format!("{error:#}"));
        let message = self.opened.failure(&error, Reason::Failed);
        self.scope.thread.close(self.key, [message]);
    }
}

impl Drop for Llm {
    fn drop(&mut self) {
        self.scope.thread.close_dropped(self.key);
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn finish_reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::None => "none",
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Error => "error",
    }
}
