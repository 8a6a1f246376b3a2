//! From the fields of a JSON document to a [`Document`].

use serde::Deserialize;

use super::Counting;
use super::document::{Body, Document, Event, TokenChunk, TokenStats, ToolStage};
use super::fields::{AnyText, Field, Object, Text, WrongType};

/// The fields that matter to any type. All others are stepped over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields<'a> {
    #[serde(borrow, rename = "type")]
    kind: Field<Text<'a>>,
    #[serde(borrow)]
    header: Field<Object<Header<'a>>>,
    #[serde(borrow)]
    event_type: Field<Text<'a>>,
    #[serde(borrow)]
    node_id: Field<Text<'a>>,
    duration_us: Field<i64>,
    duration_ms: Field<f64>,
    llm_request_id: Field<AnyText>,
    #[serde(borrow)]
    request_id: Field<Text<'a>>,
    text: Field<AnyText>,
    stats: Field<Object<Stats>>,
    #[serde(borrow)]
    call_id: Field<Text<'a>>,
    #[serde(borrow)]
    tool_name: Field<Text<'a>>,
    #[serde(borrow)]
    stage: Field<Text<'a>>,
    retry_count: Field<u32>,
    error: Field<AnyText>,
    #[serde(borrow)]
    severity: Field<Text<'a>>,
    message: Field<AnyText>,
    code: Field<AnyText>,
    event_count: Field<u64>,
    completed: Field<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Header<'a> {
    message_id: Field<AnyText>,
    timestamp_us: Field<i64>,
    timestamp_iso: Field<AnyText>,
    #[serde(borrow)]
    tenant_id: Field<Text<'a>>,
    #[serde(borrow)]
    thread_id: Field<Text<'a>>,
    sequence: Field<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stats {
    prompt_tokens: Field<u32>,
    completion_tokens: Field<u32>,
    total_tokens: Field<u32>,
}

/// Why a JSON document is none of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Its type is not one that is counted; none where it has no type at all.
    Type(Option<String>),
    /// A field of its type is missing or of a wrong type.
    Field(&'static str),
}

/// Names the field that is wrong.
trait Named<T> {
    fn named(self, field: &'static str) -> Result<T, Misfit>;
}

impl<T> Named<T> for Result<T, WrongType> {
    fn named(self, field: &'static str) -> Result<T, Misfit> {
        self.map_err(|WrongType| Misfit::Field(field))
    }
}

fn text<'d>(field: &'d Field<Text<'_>>, name: &'static str) -> Result<&'d str, Misfit> {
    field.required().map(|text| &*text.0).named(name)
}

fn optional_text<'d>(field: &'d Field<Text<'_>>, name: &'static str) -> Result<Option<&'d str>, Misfit> {
    let text = field.optional().named(name)?;
    Ok(text.map(|text| &*text.0))
}

impl Fields<'_> {
    /// The message that the fields tell of.
    pub(super) fn document(&self, counting: Counting) -> Result<Document<'_>, Misfit> {
        let kind = match &self.kind {
            Field::Value(kind) => &*kind.0,
            Field::Absent | Field::Null | Field::Wrong => return Err(Misfit::Type(None)),
        };
        let is_reference = counting == Counting::Reference;
        let body = match kind {
            "Event" => self.event(),
            "StateDiff" => Ok(Body::StateDiff),
            "TokenChunk" => self.token_chunk(is_reference),
            "ToolExecution" => self.tool_stage(is_reference),
            "Checkpoint" => Ok(Body::Checkpoint),
            "Metrics" => Ok(Body::Metrics),
            "Error" => self.error(),
            "EventBatch" if !is_reference => self
                .event_count
                .required()
                .named("event_count")
                .map(|count| Body::EventBatch { event_count: *count }),
            "ExecutionTrace" if !is_reference => {
                let completed = self.completed.required().named("completed");
                completed.map(|completed| Body::ExecutionTrace {
                    completed: *completed,
                })
            }
            other => return Err(Misfit::Type(Some(other.to_owned()))),
        }?;
        let header = match &self.header {
            // What a laxer policy lets through has no header.
            Field::Null if !is_reference => {
                return Ok(Document {
                    tenant_id: "",
                    thread_id: "",
                    time_us: None,
                    body,
                });
            }
            header => &header.required().named("header")?.0,
        };
        header.sequence.required().named("header.sequence")?;
        header.message_id.optional().named("header.message_id")?;
        header.timestamp_iso.optional().named("header.timestamp_iso")?;
        Ok(Document {
            thread_id: text(&header.thread_id, "header.thread_id")?,
            tenant_id: optional_text(&header.tenant_id, "header.tenant_id")?.unwrap_or_default(),
            time_us: header
                .timestamp_us
                .optional()
                .named("header.timestamp_us")?
                .copied(),
            body,
        })
    }

    fn duration_ms(&self) -> Result<Option<f64>, Misfit> {
        self.duration_us.optional().named("duration_us")?;
        Ok(self.duration_ms.optional().named("duration_ms")?.copied())
    }

    fn event(&self) -> Result<Body<'_>, Misfit> {
        self.llm_request_id.optional().named("llm_request_id")?;
        Ok(Body::Event(Event {
            event_type: text(&self.event_type, "event_type")?,
            node_id: optional_text(&self.node_id, "node_id")?,
            duration_ms: self.duration_ms()?,
        }))
    }

    fn token_chunk(&self, is_reference: bool) -> Result<Body<'_>, Misfit> {
        self.text.optional().named("text")?;
        let stats = match self.stats.optional().named("stats")? {
            None => None,
            Some(Object(stats)) => Some(TokenStats {
                prompt: count(&stats.prompt_tokens, "stats.prompt_tokens")?,
                completion: count(&stats.completion_tokens, "stats.completion_tokens")?,
                total: count(&stats.total_tokens, "stats.total_tokens")?,
            }),
        };
        let request_id = if is_reference {
            None
        } else {
            optional_text(&self.request_id, "request_id")?
        };
        Ok(Body::TokenChunk(TokenChunk {
            request_id: request_id.unwrap_or_default(),
            stats,
        }))
    }

    fn tool_stage(&self, is_reference: bool) -> Result<Body<'_>, Misfit> {
        self.error.optional().named("error")?;
        let call_id = if is_reference {
            None
        } else {
            optional_text(&self.call_id, "call_id")?
        };
        let retry_count = self.retry_count.optional().named("retry_count")?;
        Ok(Body::ToolExecution(ToolStage {
            call_id: call_id.unwrap_or_default(),
            tool_name: text(&self.tool_name, "tool_name")?,
            stage: text(&self.stage, "stage")?,
            duration_ms: self.duration_ms()?,
            retry_count: retry_count.copied().unwrap_or_default(),
        }))
    }

    fn error(&self) -> Result<Body<'_>, Misfit> {
        self.message.required().named("message")?;
        self.code.optional().named("code")?;
        Ok(Body::Error {
            severity: text(&self.severity, "severity")?,
        })
    }
}

fn count(field: &Field<u32>, name: &'static str) -> Result<u64, Misfit> {
    let count = field.optional().named(name)?;
    Ok(count.map_or(0, |count| u64::from(*count)))
}
