//! Telemetry as applications send it: messages of mixed kinds, of which one in nine is longer than 512 bytes of protobuf.
//! The same seed gives the same messages.

use std::collections::BTreeMap;

use quipu_proto::message::attribute_value::Value as Attribute;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{
    AttributeValue, Checkpoint, DashStreamMessage, DiffOperation, Error, Event, EventBatch, Header,
    MetricValue, Metrics, StateDiff, TokenChunk, TokenStats, ToolExecution, metric_value,
};
use serde_json::{Value, json};

const NODES: [&str; 8] = [
    "plan",
    "retrieve",
    "rerank",
    "answer",
    "critique",
    "tool_executor",
    "summarize_history",
    "router",
];
const TOOLS: [&str; 5] = [
    "search_documents",
    "read_file",
    "run_query",
    "fetch_url",
    "calculator",
];
const MODELS: [&str; 3] = ["gpt-4o-mini", "claude-sonnet-4", "llama-3.1-70b-instruct"];
const WORDS: &str = "the of and to in a is that for it as was with be by on not he this are or his from at which but have an \
had they you were their one all we can her has there been if more when will would who so no out up into any your what some \
time system data user question answer document result search query table value error request response model token agent \
graph node state report month average rainfall measured station coast northern first second between after before because \
compare found returned missing number total rows column index page section paragraph source reference according however \
therefore summary revenue quarter growth region customer account balance invoice shipment delayed warehouse inventory \
schedule meeting review contract clause liability insurance premium policy claim evidence witness statement hypothesis \
experiment sample temperature pressure velocity gradient iteration threshold parameter function variable compiler memory \
thread process network latency throughput cluster replica partition leader follower election snapshot journal checkpoint";

/// A source of messages.
pub(crate) struct Mix {
    state: u64,
    words: Vec<&'static str>,
    thread: u64,
    sequence: u64,
    time_us: i64,
}

impl Mix {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            words: WORDS.split_whitespace().collect(),
            thread: 0,
            sequence: 0,
            time_us: 1_760_000_000_000_000,
        }
    }

    /// Splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Prose of so many words; common words come more often.
    fn prose(&mut self, words: usize) -> String {
        let mut text = String::new();
        for at in 0..words {
            if at > 0 {
                text.push_str(if self.below(12) == 0 { ", " } else { " " });
            }
            let range = if self.below(2) == 0 { 30 } else { self.words.len() };
            let word = self.below(range);
            text.push_str(self.words[word]);
        }
        text.push('.');
        text
    }

    fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}_{:016x}", self.next())
    }

    fn header(&mut self, kind: i32) -> Option<Header> {
        self.sequence += 1;
        if self.sequence > 60 {
            self.sequence = 1;
            self.thread += 1;
        }
        self.time_us += i64::try_from(self.below(40_000)).expect("small");
        let message_id = [self.next().to_le_bytes(), self.next().to_le_bytes()].concat();
        Some(Header {
            message_id,
            timestamp_us: self.time_us,
            tenant_id: ["default", "acme-research", "support-bots"][self.below(3)].to_owned(),
            thread_id: format!(
                "session-{:08x}",
                self.thread.wrapping_mul(2_654_435_761) & 0xffff_ffff
            ),
            sequence: self.sequence,
            r#type: kind,
            parent_id: Vec::new(),
            compression: 0,
            schema_version: 1,
        })
    }

    fn event(&mut self, event_type: i32, attributes: Vec<(&str, Attribute)>) -> Event {
        let attributes = attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), AttributeValue { value: Some(value) }))
            .collect();
        Event {
            header: self.header(1),
            event_type,
            node_id: self.one_of(&NODES).to_owned(),
            attributes,
            duration_us: 0,
            llm_request_id: String::new(),
        }
    }

    fn node_end(&mut self) -> Event {
        let mut event = self.event(11, Vec::new());
        event.duration_us = 1_000 + i64::try_from(self.below(3_000_000)).expect("small");
        event
    }

    fn graph_start(&mut self) -> Event {
        let nodes: BTreeMap<_, _> = NODES.iter().map(|node| {
            (*node, json!({"name": node, "description": self.prose(12), "node_type": "function", "tools_available": TOOLS, "metadata": {}}))
        }).collect();
        let edges: Vec<_> = NODES
            .windows(2)
            .map(
                |pair| json!({"from": pair[0], "to": pair[1], "is_conditional": false, "is_parallel": false}),
            )
            .collect();
        let manifest =
            json!({"graph_name": "librarian", "entry_point": "plan", "nodes": nodes, "edges": edges});
        let state = self.state(6).to_string();
        self.event(
            1,
            vec![
                ("graph_name", Attribute::StringValue("librarian".to_owned())),
                ("graph_entry_point", Attribute::StringValue("plan".to_owned())),
                ("graph_node_count", Attribute::IntValue(8)),
                ("graph_edge_count", Attribute::IntValue(7)),
                ("graph_manifest", Attribute::StringValue(manifest.to_string())),
                ("initial_state_json", Attribute::StringValue(state)),
            ],
        )
    }

    fn llm_end(&mut self) -> Event {
        let (input, output) = (200 + self.below(6_000), 20 + self.below(900));
        let model = self.one_of(&MODELS).to_owned();
        let mut event = self.event(
            31,
            vec![
                ("model", Attribute::StringValue(model)),
                (
                    "input_tokens",
                    Attribute::IntValue(i64::try_from(input).expect("small")),
                ),
                (
                    "output_tokens",
                    Attribute::IntValue(i64::try_from(output).expect("small")),
                ),
                ("temperature", Attribute::FloatValue(0.2)),
                ("stream", Attribute::BoolValue(true)),
            ],
        );
        event.llm_request_id = self.id("req");
        event.duration_us = 200_000 + i64::try_from(self.below(9_000_000)).expect("small");
        event
    }

    /// A state with the messages of a conversation.
    pub(crate) fn state(&mut self, messages: usize) -> Value {
        let messages: Vec<_> = (0..messages)
            .map(|at| {
                let words = 10 + self.below(40);
                json!({
                    "role": if at % 2 == 0 { "user" } else { "assistant" },
                    "content": self.prose(words),
                    "id": self.id("msg"),
                })
            })
            .collect();
        json!({"messages": messages, "step": self.below(40), "budget": {"tokens": self.below(100_000), "usd": 0.25}})
    }

    fn state_diff(&mut self) -> StateDiff {
        let operation = |op, path: String, value: &Value| DiffOperation {
            op,
            path,
            value: value.to_string().into_bytes(),
            from: String::new(),
            encoding: 0,
        };
        let words = 8 + self.below(66);
        let message = json!({"role": "assistant", "content": self.prose(words), "id": self.id("msg")});
        let (at, step, tokens) = (self.below(30), self.below(40), self.below(100_000));
        StateDiff {
            header: self.header(2),
            base_checkpoint_id: Vec::new(),
            operations: vec![
                operation(2, "/budget/tokens".to_owned(), &json!(tokens)),
                operation(0, format!("/messages/{at}"), &message),
                operation(2, "/step".to_owned(), &json!(step)),
            ],
            state_hash: (0..4).flat_map(|_| self.next().to_le_bytes()).collect(),
            full_state: Vec::new(),
        }
    }

    fn token_chunk(&mut self) -> TokenChunk {
        let index = u32::try_from(self.below(200)).expect("small");
        let words = 1 + self.below(10);
        let stats = (index % 25 == 0).then_some(TokenStats {
            prompt_tokens: 800,
            completion_tokens: index,
            total_tokens: 800 + index,
        });
        TokenChunk {
            header: self.header(3),
            request_id: self.id("req"),
            text: self.prose(words),
            token_ids: Vec::new(),
            logprobs: Vec::new(),
            chunk_index: index,
            is_final: stats.is_some(),
            finish_reason: i32::from(stats.is_some()),
            model: self.one_of(&MODELS).to_owned(),
            stats,
        }
    }

    fn tool_execution(&mut self) -> ToolExecution {
        let stage = self.one_of(&[1, 2, 3, 3]);
        let arguments = json!({"query": self.prose(6), "limit": 1 + self.below(20), "filters": {"year": 2020 + self.below(6)}});
        let result = (stage == 3).then(|| {
            let rows = if self.below(3) == 0 { 4 + self.below(12) } else { 1 };
            let rows: Vec<_> = (0..rows)
                .map(|_| {
                    let words = 6 + self.below(20);
                    json!({"title": self.prose(4), "score": f64::from(u32::try_from(self.below(1_000)).expect("small")) / 1e3, "text": self.prose(words)})
                })
                .collect();
            Value::from(rows).to_string().into_bytes()
        });
        ToolExecution {
            header: self.header(4),
            call_id: self.id("call"),
            tool_name: self.one_of(&TOOLS).to_owned(),
            stage,
            arguments: if stage == 1 {
                arguments.to_string().into_bytes()
            } else {
                Vec::new()
            },
            result: result.unwrap_or_default(),
            error: String::new(),
            error_details: None,
            duration_us: if stage == 3 {
                i64::try_from(self.below(2_000_000)).expect("small")
            } else {
                0
            },
            retry_count: 0,
        }
    }

    fn metrics(&mut self) -> Metrics {
        let metric = |value: f64, unit: &str| MetricValue {
            unit: unit.to_owned(),
            r#type: 2,
            value: Some(metric_value::Value::FloatValue(value)),
        };
        let mut score = || f64::from(u32::try_from(self.below(10_000)).expect("small")) / 1e4;
        let metrics = ["accuracy", "relevance", "completeness", "quality_score"]
            .map(|name| (name.to_owned(), metric(score(), "ratio")))
            .into();
        let header = self.header(6);
        let tags = header.iter().flat_map(|header| {
            [
                ("thread_id".to_owned(), header.thread_id.clone()),
                ("tenant_id".to_owned(), header.tenant_id.clone()),
            ]
        });
        Metrics {
            scope: "quality".to_owned(),
            scope_id: header
                .as_ref()
                .map(|header| header.thread_id.clone())
                .unwrap_or_default(),
            metrics,
            tags: tags.collect(),
            header,
        }
    }

    fn error(&mut self) -> Error {
        let frames: Vec<_> = (0..5)
            .map(|at| {
                format!(
                    "  {at}: librarian::nodes::{}::run at src/nodes.rs:{}",
                    self.one_of(&NODES),
                    self.below(900)
                )
            })
            .collect();
        Error {
            header: self.header(7),
            error_code: "TOOL_TIMEOUT".to_owned(),
            message: self.prose(12),
            stack_trace: frames.join("\n"),
            context: [("tool".to_owned(), self.one_of(&TOOLS).to_owned())].into(),
            severity: 4,
            exception_type: "TimeoutError".to_owned(),
            suggestions: vec![self.prose(6)],
        }
    }

    fn checkpoint(&mut self) -> Checkpoint {
        let state = self.state(8).to_string().into_bytes();
        Checkpoint {
            header: self.header(5),
            checkpoint_id: [self.next().to_le_bytes(), self.next().to_le_bytes()].concat(),
            state,
            state_type: "serde_json::Value".to_owned(),
            checksum: (0..4).flat_map(|_| self.next().to_le_bytes()).collect(),
            ..Checkpoint::default()
        }
    }

    /// The next message.
    pub(crate) fn message(&mut self) -> DashStreamMessage {
        let message = match self.below(1_000) {
            0..170 => Message::Event(self.event(10, Vec::new())),
            170..340 => Message::Event(self.node_end()),
            340..400 => {
                let to = self.one_of(&NODES).to_owned();
                Message::Event(self.event(20, vec![("edge_to", Attribute::StringValue(to))]))
            }
            400..450 => Message::Event(self.llm_end()),
            450..480 => {
                let words = 15 + self.below(30);
                let thought = Attribute::StringValue(self.prose(words));
                Message::Event(self.event(81, vec![("thought", thought), ("step", Attribute::IntValue(3))]))
            }
            480..645 => Message::TokenChunk(self.token_chunk()),
            645..795 => Message::ToolExecution(self.tool_execution()),
            795..885 => Message::StateDiff(self.state_diff()),
            885..927 => Message::Metrics(self.metrics()),
            927..940 => Message::Error(self.error()),
            940..960 => Message::Checkpoint(self.checkpoint()),
            960..972 => {
                let three = |mix: &mut Self| {
                    [
                        mix.node_end(),
                        mix.event(20, Vec::new()),
                        mix.event(10, Vec::new()),
                    ]
                };
                let events = (0..3).flat_map(|_| three(self)).collect();
                Message::EventBatch(EventBatch {
                    header: self.header(8),
                    events,
                })
            }
            _ => Message::Event(self.graph_start()),
        };
        DashStreamMessage {
            message: Some(message),
        }
    }
}
