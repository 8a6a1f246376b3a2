//! What a session says about itself: metrics, errors and the trace of a run.

use std::collections::BTreeMap;

use prost::Message as _;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::error::Severity;
use quipu_proto::message::metric_value::{MetricType, Value};
use quipu_proto::message::{Error, ErrorRecord, ExecutionTrace, MetricValue, Metrics};
use serde_json::json;

use crate::guide::Guide;
use crate::kind::Kind;
use crate::model_call::Answer;
use crate::session::Session;
use crate::time::iso_8601;

fn entry(value: Value, unit: &str, metric_type: MetricType) -> MetricValue {
    MetricValue {
        value: Some(value),
        unit: unit.to_owned(),
        r#type: metric_type.into(),
    }
}

fn gauge(value: f64, unit: &str) -> MetricValue {
    entry(Value::FloatValue(value), unit, MetricType::Gauge)
}

fn counter(value: u64, unit: &str) -> MetricValue {
    entry(Value::IntValue(value.cast_signed()), unit, MetricType::Counter)
}

fn map<V, const N: usize>(entries: [(&str, V); N]) -> BTreeMap<String, V> {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

impl Session {
    /// Quality of the answer of a run.
    pub(crate) fn quality(&mut self, guide: &mut Guide) {
        let mut score = || {
            (1.0 - self.dice.unit() * self.dice.unit() * 0.6)
                .mul_add(1_000.0, 0.0)
                .round()
                / 1_000.0
        };
        let (accuracy, relevance, completeness) = (score(), score(), score());
        let mean = ((accuracy + relevance + completeness) / 3.0 * 1_000.0).round() / 1_000.0;
        let metrics = map([
            ("accuracy", gauge(accuracy, "ratio")),
            ("relevance", gauge(relevance, "ratio")),
            ("completeness", gauge(completeness, "ratio")),
            ("quality_score", gauge(mean, "ratio")),
            (
                "passed",
                entry(Value::BoolValue(mean >= 0.8), "bool", MetricType::Gauge),
            ),
        ]);
        let scope_id = self.thread().to_owned();
        self.metrics(
            "quality",
            scope_id,
            metrics,
            map([("model", self.model.name.to_owned())]),
            guide,
        );
    }

    /// Numbers of a node's visit.
    pub(crate) fn measure(&mut self, node: &str, duration_us: i64, answer: &Answer, guide: &mut Guide) {
        let ms = duration_us as f64 / 1_000.0;
        let roomy = self.dice.chance(0.5) && guide.fits(Kind::Metrics, 300);
        let metrics = match (answer.output_tokens, roomy) {
            (0, false) => map([("rows_processed", counter(self.dice.below(5_000) as u64, "rows"))]),
            (0, true) => map([
                ("latency_ms", gauge(ms, "milliseconds")),
                (
                    "cache_hit",
                    entry(Value::BoolValue(self.dice.chance(0.4)), "", MetricType::Gauge),
                ),
                (
                    "memory_bytes",
                    gauge(self.dice.log_normal(6e7, 0.5).round(), "bytes"),
                ),
            ]),
            (tokens, false) => map([("tokens_generated", gauge(tokens as f64, "tokens"))]),
            (tokens, true) => map([
                ("tokens_prompt", counter(answer.input_tokens, "tokens")),
                ("tokens_completion", counter(tokens, "tokens")),
                ("generation_time_ms", gauge(ms, "milliseconds")),
            ]),
        };
        let mut tags = map([("environment", "production".to_owned())]);
        if guide.fits(Kind::Metrics, 0) && guide.wants(Kind::Metrics, 0.3, &mut self.dice) {
            tags.insert("query".to_owned(), self.compose(Kind::Metrics, guide));
        }
        self.metrics("node", node.to_owned(), metrics, tags, guide);
    }

    fn metrics(
        &mut self,
        scope: &str,
        scope_id: String,
        metrics: BTreeMap<String, MetricValue>,
        tags: BTreeMap<String, String>,
        guide: &mut Guide,
    ) {
        let header = Some(self.out.header(Kind::Metrics, &mut self.dice));
        self.say(
            Message::Metrics(Metrics {
                header,
                scope: scope.to_owned(),
                scope_id,
                metrics,
                tags,
            }),
            guide,
        );
    }

    /// Something went wrong and the node went on.
    pub(crate) fn warn(&mut self, node: &str, guide: &mut Guide) {
        let (code, message) = self.dice.weighted(&[
            (("PARSE", "expected an object, found a list"), 40),
            (("VALIDATION", "value out of range"), 40),
            (("STALE_CACHE", "cached document is older than its source"), 20),
        ]);
        self.tell(node, code, message, Severity::Warning, guide);
    }

    /// Something went wrong and the run ends.
    pub(crate) fn error(&mut self, node: &str, code: &str, message: &str, guide: &mut Guide) {
        self.tell(node, code, message, Severity::Error, guide);
    }

    fn tell(&mut self, node: &str, code: &str, message: &str, severity: Severity, guide: &mut Guide) {
        let recovered = severity == Severity::Warning;
        let bytes = guide.text_bytes(Kind::Error, &mut self.dice);
        let mut stack_trace = String::new();
        while stack_trace.len() < bytes {
            let (package, function) = (self.prose.name(&mut self.dice), self.prose.name(&mut self.dice));
            let line = self.dice.between(12, 900);
            stack_trace.push_str(&format!("  at {package}::{function} (src/{package}.rs:{line})\n"));
        }
        let error = Error {
            header: Some(self.out.header(Kind::Error, &mut self.dice)),
            error_code: code.to_owned(),
            message: message.to_owned(),
            stack_trace: stack_trace.clone(),
            context: map([
                ("node_id", node.to_owned()),
                ("graph", self.graph.name.to_owned()),
            ]),
            severity: severity.into(),
            exception_type: if recovered {
                "RecoverableError"
            } else {
                "ProviderError"
            }
            .to_owned(),
            suggestions: vec![
                if recovered {
                    "Check the input"
                } else {
                    "Retry with exponential backoff"
                }
                .to_owned(),
            ],
        };
        self.say(Message::Error(error), guide);
        self.run.errors.push(ErrorRecord {
            node: node.to_owned(),
            message: message.to_owned(),
            error_code: code.to_owned(),
            timestamp: iso_8601(self.out.clock_us),
            recovered,
            stack_trace,
        });
    }

    /// The trace of the run that ends now.
    pub(crate) fn trace(&mut self, completed: bool, guide: &mut Guide) {
        if !guide.wants(Kind::ExecutionTrace, 0.85, &mut self.dice) {
            return;
        }
        let run = std::mem::take(&mut self.run);
        let mut trace = ExecutionTrace {
            header: Some(self.out.header(Kind::ExecutionTrace, &mut self.dice)),
            thread_id: self.thread().to_owned(),
            execution_id: self.dice.uuid_text(),
            total_duration_ms: (self.out.clock_us - run.began_us).unsigned_abs() / 1_000,
            total_tokens: run.prompt_tokens + run.completion_tokens,
            nodes_executed: run.visits,
            errors: run.errors,
            completed,
            started_at: iso_8601(run.began_us),
            ended_at: iso_8601(self.out.clock_us),
            metadata: map([("graph_name", json!(self.graph.name).to_string().into_bytes())]),
            ..ExecutionTrace::default()
        };
        let bytes = guide.rest_bytes(Kind::ExecutionTrace, trace.encoded_len() + 40, &mut self.dice);
        let answer = self.prose.text(bytes, &mut self.dice);
        let status = if completed { "done" } else { "failed" };
        trace.final_state = json!({ "status": status, "answer": answer })
            .to_string()
            .into_bytes();
        self.say(Message::ExecutionTrace(trace), guide);
    }
}
