//! Secrets in messages: which of their fields can hold one.
//!
//! Names that say who and where stay as they are: tenants, threads, nodes, tools, models, requests and calls.

use std::collections::BTreeMap;
use std::io::Read as _;

use quipu_proto::limits::{EXPANDED_BYTES_MAX, ZSTD_WINDOW_LOG_MAX, expanded_bytes_max};
use quipu_proto::message::attribute_value::Value as Attribute;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::metric_value::Value as MetricValue;
use quipu_proto::message::{
    AttributeValue, Checkpoint, CompressionInfo, CompressionType, DashStreamMessage, Error, Event,
    ExecutionTrace, Metrics, StateDiff, TokenChunk, ToolExecution,
};
use sha2::{Digest as _, Sha256};

use super::json_text::Place;
use super::names::Secrecy;
use super::pairs::{List, Role};
use super::{REDACTED, Redactor, json_text};

/// Key of the metadata of a checkpoint that tells why its state is left out.
pub const STATE_LEFT_OUT: &str = "state_left_out";

impl Redactor {
    /// Takes the secrets out of a message, in place. Tells whether there were any.
    ///
    /// A StateDiff that changes loses its hash, which is that of another state. A Checkpoint that changes gets the
    /// checksum of the state that is left; one whose state is compressed in a way that cannot be read here loses it, as
    /// nobody can say what is in it, and says so in its metadata under [`STATE_LEFT_OUT`]. A TokenChunk that changes loses
    /// the ids and the probabilities of its tokens, which would spell the secret.
    pub fn redact_message(&self, message: &mut DashStreamMessage) -> bool {
        if !self.is_on() {
            return false;
        }
        match &mut message.message {
            None => false,
            Some(Message::Event(event)) => self.event(event),
            Some(Message::StateDiff(diff)) => self.state_diff(diff),
            Some(Message::TokenChunk(chunk)) => self.token_chunk(chunk),
            Some(Message::ToolExecution(execution)) => self.tool_execution(execution),
            Some(Message::Checkpoint(checkpoint)) => self.checkpoint(checkpoint),
            Some(Message::Metrics(metrics)) => self.metrics(metrics),
            Some(Message::Error(error)) => self.error(error),
            Some(Message::EventBatch(batch)) => any(batch.events.iter_mut().map(|event| self.event(event))),
            Some(Message::ExecutionTrace(trace)) => self.execution_trace(trace),
        }
    }

    fn event(&self, event: &mut Event) -> bool {
        self.attributes(&mut event.attributes)
    }

    fn attributes(&self, attributes: &mut BTreeMap<String, AttributeValue>) -> bool {
        let texts = attributes.iter();
        let named = self.secrecy_in(texts.filter_map(|(name, value)| Some((name.as_str(), text_of(value)?))));
        any(attributes.iter_mut().map(|(name, value)| {
            let secrecy = self.secrecy(name);
            if Role::of(name) == Role::Value {
                self.named_attribute(value, secrecy, named)
            } else {
                self.attribute(value, secrecy, false)
            }
        }))
    }

    /// The value of a pair: see [`Redactor::walk_named`].
    fn named_attribute(&self, attribute: &mut AttributeValue, secrecy: Secrecy, named: Secrecy) -> bool {
        let Some(Attribute::MapValue(map)) = &mut attribute.value else {
            return self.attribute(attribute, secrecy.max(named), false);
        };
        if map.values.len() == 1
            && let Some((name, value)) = map.values.iter_mut().next()
        {
            let secrecy = self.secrecy(name);
            let is_list = matches!(
                value.value,
                Some(Attribute::ArrayValue(_) | Attribute::MapValue(_))
            );
            match Role::of(name) {
                Role::Value => return self.named_attribute(value, secrecy, named),
                Role::Wrapped if !is_list => return self.attribute(value, secrecy.max(named), false),
                _ => {}
            }
        }
        self.attribute(attribute, secrecy, false)
    }

    /// `is_item` says that the value stands in a list.
    fn attribute(&self, attribute: &mut AttributeValue, secrecy: Secrecy, is_item: bool) -> bool {
        match &mut attribute.value {
            None | Some(Attribute::BoolValue(_)) => false,
            Some(Attribute::StringValue(text)) => self.string(text, secrecy),
            Some(Attribute::BytesValue(bytes)) => self.bytes(bytes, secrecy),
            Some(Attribute::IntValue(_) | Attribute::FloatValue(_)) => {
                if secrecy.hides_numbers() {
                    attribute.value = Some(Attribute::StringValue(REDACTED.to_owned()));
                }
                secrecy.hides_numbers()
            }
            Some(Attribute::ArrayValue(array)) => {
                let name = match array.values.as_slice() {
                    [name, value] if is_item && text_of(value).is_some() => text_of(name),
                    _ => None,
                };
                let mut list = List::of(self, name);
                any(array.values.iter_mut().map(|value| {
                    let said = match &value.value {
                        Some(Attribute::StringValue(text)) => list.item(self, Some(text)),
                        Some(Attribute::IntValue(_) | Attribute::FloatValue(_)) => list.item(self, None),
                        _ => Secrecy::Open,
                    };
                    list.advance();
                    self.attribute(value, secrecy.max(said), true)
                }))
            }
            Some(Attribute::MapValue(map)) => self.attributes(&mut map.values),
        }
    }

    fn state_diff(&self, diff: &mut StateDiff) -> bool {
        let operations = any(diff.operations.iter_mut().map(|operation| {
            let place = self.place_of_path(&operation.path);
            self.json_bytes(&mut operation.value, place)
        }));
        let changed = self.bytes(&mut diff.full_state, Secrecy::Open) | operations;
        if changed {
            diff.state_hash.clear();
        }
        changed
    }

    /// What the last name on the way to a place says of it; indexes of arrays are no names.
    fn place_of_path(&self, path: &str) -> Place {
        let is_index = |token: &str| {
            token == "-" || !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit())
        };
        let name = path.rsplit('/').find(|token| !is_index(token));
        Place {
            secrecy: name.map_or(Secrecy::Open, |name| {
                self.secrecy(&name.replace("~1", "/").replace("~0", "~"))
            }),
            is_item: path.rsplit('/').next().is_some_and(is_index),
        }
    }

    /// A JSON value on its own, where it stands.
    fn json_bytes(&self, bytes: &mut Vec<u8>, place: Place) -> bool {
        let changed = match std::str::from_utf8(bytes) {
            Ok(text) if (place.secrecy != Secrecy::Open || place.is_item) && json_text::is_json(text) => {
                json_text::replaced(self, text, place, 0)
            }
            _ => return self.bytes(bytes, place.secrecy),
        };
        let is_changed = changed.is_some();
        if let Some(changed) = changed {
            *bytes = changed.into_bytes();
        }
        is_changed
    }

    fn token_chunk(&self, chunk: &mut TokenChunk) -> bool {
        let changed = self.string(&mut chunk.text, Secrecy::Open);
        if changed {
            chunk.token_ids.clear();
            chunk.logprobs.clear();
        }
        changed
    }

    fn tool_execution(&self, execution: &mut ToolExecution) -> bool {
        let details = execution.error_details.as_mut();
        any([
            self.bytes(&mut execution.arguments, Secrecy::Open),
            self.bytes(&mut execution.result, Secrecy::Open),
            self.string(&mut execution.error, Secrecy::Open),
            details.is_some_and(|error| self.error(error)),
        ])
    }

    fn checkpoint(&self, checkpoint: &mut Checkpoint) -> bool {
        let around = any([
            self.string(&mut checkpoint.storage_uri, Secrecy::Open),
            self.texts(&mut checkpoint.metadata),
        ]);
        let Some(info) = checkpoint
            .compression_info
            .as_ref()
            .filter(|info| info.r#type != 0)
        else {
            let changed = self.bytes(&mut checkpoint.state, Secrecy::Open);
            if changed {
                checkpoint.checksum = Sha256::digest(&checkpoint.state).to_vec();
            }
            return changed | around;
        };
        match expanded(&checkpoint.state, info) {
            Ok(mut state) => {
                if !self.bytes(&mut state, Secrecy::Open) {
                    return around;
                }
                checkpoint.checksum = Sha256::digest(&state).to_vec();
                // A state that is smaller as it is stays as it is, and one that readers would not expand.
                checkpoint.compression_info = None;
                if let Ok(compressed) = zstd::bulk::compress(&state, ZSTD_LEVEL)
                    && compressed.len() < state.len()
                    && state.len() <= expanded_bytes_max(compressed.len())
                {
                    checkpoint.compression_info = Some(CompressionInfo {
                        r#type: CompressionType::CompressionZstd.into(),
                        compressed_size: compressed.len() as u64,
                        uncompressed_size: state.len() as u64,
                        compression_ratio: state.len() as f32 / compressed.len() as f32,
                    });
                    state = compressed;
                }
                checkpoint.state = state;
            }
            Err(why) => {
                checkpoint.state.clear();
                checkpoint.checksum.clear();
                checkpoint.compression_info = None;
                checkpoint.metadata.insert(STATE_LEFT_OUT.to_owned(), why);
            }
        }
        true
    }

    fn metrics(&self, metrics: &mut Metrics) -> bool {
        let values = any(metrics.metrics.iter_mut().map(|(name, metric)| {
            let secrecy = self.secrecy(name);
            match &mut metric.value {
                Some(MetricValue::StringValue(text)) => self.string(text, secrecy),
                Some(MetricValue::BytesValue(bytes)) => self.bytes(bytes, secrecy),
                _ => false,
            }
        }));
        self.texts(&mut metrics.tags) | values
    }

    fn error(&self, error: &mut Error) -> bool {
        any([
            self.string(&mut error.message, Secrecy::Open),
            self.string(&mut error.stack_trace, Secrecy::Open),
            self.string(&mut error.exception_type, Secrecy::Open),
            self.texts(&mut error.context),
            any(error
                .suggestions
                .iter_mut()
                .map(|suggestion| self.string(suggestion, Secrecy::Open))),
        ])
    }

    fn execution_trace(&self, trace: &mut ExecutionTrace) -> bool {
        let nodes = any(trace.nodes_executed.iter_mut().map(|node| {
            any([
                self.bytes(&mut node.input, Secrecy::Open),
                self.bytes(&mut node.output, Secrecy::Open),
                self.texts(&mut node.metadata),
            ])
        }));
        let errors = any(trace.errors.iter_mut().map(|error| {
            self.string(&mut error.message, Secrecy::Open)
                | self.string(&mut error.stack_trace, Secrecy::Open)
        }));
        let metadata = any(trace.metadata.iter_mut().map(|(name, value)| {
            let place = Place {
                secrecy: self.secrecy(name),
                is_item: false,
            };
            self.json_bytes(value, place)
        }));
        self.bytes(&mut trace.final_state, Secrecy::Open) | nodes | errors | metadata
    }

    fn texts(&self, texts: &mut BTreeMap<String, String>) -> bool {
        any(texts
            .iter_mut()
            .map(|(name, text)| self.string(text, self.secrecy(name))))
    }

    fn string(&self, text: &mut String, secrecy: Secrecy) -> bool {
        match self.replaced_under(secrecy, text, 0) {
            Some(changed) => {
                *text = changed;
                true
            }
            None => false,
        }
    }

    /// Bytes that are text, or hold text: what is not UTF-8 stays.
    fn bytes(&self, bytes: &mut Vec<u8>, secrecy: Secrecy) -> bool {
        if let Ok(text) = std::str::from_utf8(bytes) {
            let changed = self.replaced_under(secrecy, text, 0);
            let is_changed = changed.is_some();
            if let Some(changed) = changed {
                *bytes = changed.into_bytes();
            }
            return is_changed;
        }
        if secrecy.hides_bytes(bytes) {
            *bytes = REDACTED.as_bytes().to_vec();
            return true;
        }
        let mut is_changed = false;
        let mut out = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            let changed = self.replaced(chunk.valid(), 0);
            is_changed |= changed.is_some();
            out.extend_from_slice(changed.as_deref().unwrap_or(chunk.valid()).as_bytes());
            out.extend_from_slice(chunk.invalid());
        }
        if is_changed {
            *bytes = out;
        }
        is_changed
    }
}

/// The level that producers of checkpoints use.
const ZSTD_LEVEL: i32 = 3;

/// A state taken out of its compression, or why it cannot be.
fn expanded(state: &[u8], info: &CompressionInfo) -> Result<Vec<u8>, String> {
    if info.r#type != i32::from(CompressionType::CompressionZstd) {
        return Err(format!(
            "its compression of type {} cannot be read, so that secrets in it cannot be found",
            info.r#type
        ));
    }
    let read = || {
        let mut decoder = zstd::stream::read::Decoder::new(state)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
        let mut out = Vec::new();
        decoder
            .take(EXPANDED_BYTES_MAX as u64 + 1)
            .read_to_end(&mut out)?;
        Ok::<_, std::io::Error>(out)
    };
    match read() {
        Ok(out) if out.len() <= EXPANDED_BYTES_MAX => Ok(out),
        Ok(_) => Err(format!(
            "it expands beyond {EXPANDED_BYTES_MAX} bytes, so that secrets in it cannot be found"
        )),
        Err(error) => Err(format!(
            "it does not decompress ({error}), so that secrets in it cannot be found"
        )),
    }
}

fn text_of(attribute: &AttributeValue) -> Option<&str> {
    match &attribute.value {
        Some(Attribute::StringValue(text)) => Some(text),
        _ => None,
    }
}

/// Whether one is true, after all are computed.
fn any(changes: impl IntoIterator<Item = bool>) -> bool {
    changes.into_iter().fold(false, |any, changed| any | changed)
}

#[cfg(test)]
mod tests;
