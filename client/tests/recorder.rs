//! What a recorder sends, message by message.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use quipu_client::recorder::{
    ArrayAlignment, END, FinishReason, Graph, Llm, LlmRequest, Metric, Node, Problem, Recorder,
    RecorderBuilder, Run, Severity, Tool, Usage,
};
use quipu_client::redact::Redactor;
use quipu_client::{FramesSink, MemorySink, Sink, SinkError};
use quipu_proto::frames::FramesReader;
use quipu_proto::framing::{self, Compression};
use quipu_proto::message::attribute_value::Value as Attribute;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::diff_operation::OpType;
use quipu_proto::message::tool_execution::ExecutionStage;
use quipu_proto::message::{DashStreamMessage, Event, EventType, Header, StateDiff};
use quipu_proto::state::{apply_diff, is_hash_of, parse};
use quipu_proto::{Decoder, Policy};
use serde_json::{Value, json};

fn recorder() -> (Recorder, Arc<MemorySink>) {
    let sink = Arc::new(MemorySink::new());
    let recorder = Recorder::builder(sink.clone())
        .tenant("acme")
        .thread("session-1")
        .redactor(Redactor::new())
        .build();
    (recorder, sink)
}

fn graph() -> Graph {
    Graph::new("research", "plan")
        .nodes(["plan", "lookup"])
        .conditional("plan", ["lookup", END])
        .edge("lookup", "plan")
}

fn messages(sink: &MemorySink) -> Vec<Message> {
    let messages = sink.messages();
    let mut decoder = Decoder::new(Policy::Strict);
    for message in &messages {
        decoder
            .decode(Some(&framing::encode(message, Compression::default())))
            .unwrap();
    }
    messages
        .into_iter()
        .map(|message| message.message.unwrap())
        .collect()
}

fn header(message: &Message) -> &Header {
    match message {
        Message::Event(event) => event.header.as_ref(),
        Message::StateDiff(diff) => diff.header.as_ref(),
        Message::TokenChunk(chunk) => chunk.header.as_ref(),
        Message::ToolExecution(execution) => execution.header.as_ref(),
        Message::Checkpoint(checkpoint) => checkpoint.header.as_ref(),
        Message::Metrics(metrics) => metrics.header.as_ref(),
        Message::Error(error) => error.header.as_ref(),
        other => panic!("{other:?}"),
    }
    .unwrap()
}

fn kind(event: &Event) -> EventType {
    EventType::try_from(event.event_type).unwrap()
}

/// A message in a word or two.
fn name(message: &Message) -> String {
    match message {
        Message::Event(event) => {
            let name = kind(event).as_str_name().trim_start_matches("EVENT_TYPE_");
            format!("{name} {}", event.node_id).trim_end().to_owned()
        }
        Message::StateDiff(_) => "state".to_owned(),
        Message::TokenChunk(chunk) => format!("chunk {}", chunk.chunk_index),
        Message::ToolExecution(execution) => {
            let stage = ExecutionStage::try_from(execution.stage).unwrap();
            stage
                .as_str_name()
                .trim_start_matches("EXECUTION_STAGE_")
                .to_owned()
        }
        Message::Checkpoint(_) => "checkpoint".to_owned(),
        Message::Metrics(metrics) => format!("metrics {}/{}", metrics.scope, metrics.scope_id),
        Message::Error(error) => format!("error {}", error.error_code),
        other => panic!("{other:?}"),
    }
}

fn names(sink: &MemorySink) -> Vec<String> {
    messages(sink).iter().map(name).collect()
}

fn text(event: &Event, attribute: &str) -> String {
    match event
        .attributes
        .get(attribute)
        .and_then(|value| value.value.clone())
    {
        Some(Attribute::StringValue(text)) => text,
        other => panic!("{attribute}: {other:?}"),
    }
}

fn events(sink: &MemorySink) -> Vec<Event> {
    let event = |message| match message {
        Message::Event(event) => Some(event),
        _ => None,
    };
    messages(sink).into_iter().filter_map(event).collect()
}

fn states(sink: &MemorySink) -> Vec<StateDiff> {
    let diff = |message| match message {
        Message::StateDiff(diff) => Some(diff),
        _ => None,
    };
    messages(sink).into_iter().filter_map(diff).collect()
}

#[test]
fn a_typical_run_is_told_in_order() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph().initial_state(&json!({"step": 0, "notes": "n".repeat(100)})));
    let plan = run.node_start("plan");
    let llm = plan.llm_start(
        LlmRequest::new("small-1")
            .provider("acme")
            .attribute("temperature", 0.2),
    );
    llm.chunk("look ");
    llm.chunk("up");
    llm.end(
        Usage::new()
            .tokens(120, 7)
            .cost_usd(0.25)
            .finish_reason(FinishReason::ToolCalls),
    );
    plan.state(&json!({"step": 1, "notes": "n".repeat(100)}));
    plan.end();
    run.edge("plan", "lookup", Some("needs_lookup"));
    let lookup = run.node_start("lookup");
    let tool = lookup.tool_requested("search", &json!({"query": "quipu"}));
    tool.started();
    tool.retrying("timeout");
    tool.completed(&json!(["a", "b"]));
    lookup.progress("half", 0.5);
    lookup.thinking("hm", 1);
    lookup.substep("parse", "complete");
    lookup.metrics([
        Metric::gauge("latency", 1.5, "ms"),
        Metric::counter("hits", 2, "count"),
    ]);
    lookup.error(Problem::new("odd").severity(Severity::Warning).code("ODD"));
    lookup.end();
    run.edge("lookup", "plan", None);
    run.state(&json!({"step": 1, "notes": "n".repeat(100)}));
    run.end();

    assert_eq!(
        names(&sink),
        [
            "GRAPH_START",
            "NODE_START plan",
            "LLM_START plan",
            "chunk 0",
            "chunk 1",
            "chunk 2",
            "LLM_END plan",
            "state",
            "NODE_END plan",
            "CONDITIONAL_BRANCH plan",
            "NODE_START lookup",
            "REQUESTED",
            "STARTED",
            "TOOL_START lookup",
            "RETRYING",
            "COMPLETED",
            "NODE_PROGRESS lookup",
            "NODE_THINKING lookup",
            "NODE_SUBSTEP lookup",
            "metrics node/lookup",
            "error ODD",
            "NODE_END lookup",
            "EDGE_TRAVERSAL lookup",
            "state",
            "GRAPH_END",
        ]
    );
    let mut newest = 0;
    for (at, message) in messages(&sink).iter().enumerate() {
        let header = header(message);
        assert_eq!(header.sequence, at as u64 + 1);
        assert_eq!(
            (header.tenant_id.as_str(), header.thread_id.as_str()),
            ("acme", "session-1")
        );
        assert_eq!(header.message_id.len(), 16);
        assert_eq!(header.schema_version, 1);
        assert_ne!(header.r#type, 0);
        assert!(header.timestamp_us >= newest, "times are in the order of numbers");
        newest = header.timestamp_us;
    }
    assert_eq!(recorder.counts().sent, 25);
    assert_eq!(recorder.counts().lost + recorder.counts().late, 0);
}

#[test]
fn edges_name_both_ends_and_the_condition() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    run.edge("plan", "lookup", Some("needs_lookup"));
    run.edge("lookup", END, None);
    run.end();
    let events = events(&sink);
    let branch = &events[1];
    assert_eq!(kind(branch), EventType::ConditionalBranch);
    assert_eq!(text(branch, "edge_from"), "plan");
    assert_eq!(text(branch, "edge_to"), "lookup");
    assert_eq!(text(branch, "condition_result"), "needs_lookup");
    let edge = &events[2];
    assert_eq!(
        (kind(edge), edge.node_id.as_str()),
        (EventType::EdgeTraversal, "lookup")
    );
    assert_eq!(text(edge, "edge_to"), END);
    assert!(!edge.attributes.contains_key("condition_result"));
}

#[test]
fn the_start_of_a_run_tells_of_its_graph() {
    let (recorder, sink) = recorder();
    recorder.graph_start(graph()).end();
    let start = &events(&sink)[0];
    assert_eq!(text(start, "graph_name"), "research");
    assert_eq!(text(start, "schema_id"), "081bc924d317f037");
    let manifest: Value = serde_json::from_str(&text(start, "graph_manifest")).unwrap();
    assert_eq!(manifest["metadata"]["has_cycles"], true);
}

#[test]
fn tokens_are_in_both_their_homes() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    let node = run.node_start("plan");
    node.llm_start(LlmRequest::new("small-1").provider("acme").request_id("req-1"))
        .end(Usage::new().tokens(120, 7).cost_usd(0.25).text("whole answer"));
    node.llm_start(LlmRequest::new("small-1").request_id("req-2"))
        .end(Usage::new().cost_usd(f64::NAN));
    node.end();
    run.end();

    let ends: Vec<Event> = events(&sink)
        .into_iter()
        .filter(|event| kind(event) == EventType::LlmEnd)
        .collect();
    let attribute = |at: usize, name: &str| {
        ends[at]
            .attributes
            .get(name)
            .and_then(|value| value.value.clone())
    };
    assert_eq!(ends[0].llm_request_id, "req-1");
    assert_eq!(ends[0].node_id, "plan");
    assert_eq!(attribute(0, "input_tokens"), Some(Attribute::IntValue(120)));
    assert_eq!(attribute(0, "output_tokens"), Some(Attribute::IntValue(7)));
    assert_eq!(attribute(0, "cost_usd"), Some(Attribute::FloatValue(0.25)));
    assert_eq!(text(&ends[0], "model"), "small-1");
    assert_eq!(text(&ends[0], "provider"), "acme");
    for name in ["input_tokens", "output_tokens", "cost_usd"] {
        assert_eq!(attribute(1, name), None, "what is not known is not 0");
    }

    let chunk = |message| match message {
        Message::TokenChunk(chunk) => Some(chunk),
        _ => None,
    };
    let chunks: Vec<_> = messages(&sink).into_iter().filter_map(chunk).collect();
    assert_eq!(chunks.len(), 2);
    assert_eq!(
        (chunks[0].text.as_str(), chunks[0].is_final),
        ("whole answer", true)
    );
    let stats = chunks[0].stats.unwrap();
    assert_eq!(
        (stats.prompt_tokens, stats.completion_tokens, stats.total_tokens),
        (120, 7, 127)
    );
    assert_eq!(chunks[1].stats, None);
}

#[test]
fn messages_name_the_start_that_they_lie_in() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    let outer = run.node_start("outer");
    let inner = outer.node_start("inner");
    let llm = inner.llm_start(LlmRequest::new("m"));
    llm.end(Usage::new());
    let tool = inner.tool_requested("t", &json!({}));
    tool.completed(&json!(1));
    inner.end();
    outer.end();
    run.end();

    let messages = messages(&sink);
    let at: HashMap<String, Vec<u8>> = messages
        .iter()
        .map(|message| (name(message), header(message).message_id.clone()))
        .collect();
    for (message, parent) in [
        ("GRAPH_START", None),
        ("NODE_START outer", Some("GRAPH_START")),
        ("NODE_START inner", Some("NODE_START outer")),
        ("LLM_START inner", Some("NODE_START inner")),
        ("chunk 0", Some("LLM_START inner")),
        ("LLM_END inner", Some("LLM_START inner")),
        ("REQUESTED", Some("NODE_START inner")),
        ("COMPLETED", Some("REQUESTED")),
        ("NODE_END inner", Some("NODE_START inner")),
        ("NODE_END outer", Some("NODE_START outer")),
        ("GRAPH_END", Some("GRAPH_START")),
    ] {
        let told = messages.iter().find(|told| name(told) == message).unwrap();
        let expected = parent.map(|parent| at[parent].clone()).unwrap_or_default();
        assert_eq!(header(told).parent_id, expected, "{message}");
    }
}

#[test]
fn branches_of_a_parallel_section_are_nodes() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    let section = run.parallel_start(["a", "b"]);
    let branches = ["a", "b"].map(|name| section.branch(name));
    std::thread::scope(|scope| {
        for branch in branches {
            scope.spawn(move || branch.end());
        }
    });
    section.end();
    run.end();
    let mut names = names(&sink);
    names[4..6].sort();
    assert_eq!(
        names,
        [
            "GRAPH_START",
            "PARALLEL_START a,b",
            "NODE_START a",
            "NODE_START b",
            "NODE_END a",
            "NODE_END b",
            "PARALLEL_END a,b",
            "GRAPH_END"
        ]
    );
}

/// Begins a node, a request and a tool call, and leaves them open.
fn busy(run: &Run) -> (Tool, Llm, Node) {
    let node = run.node_start("plan");
    let llm = node.llm_start(LlmRequest::new("m"));
    let tool = node.tool_requested("t", &json!({}));
    (tool, llm, node)
}

const OPEN: [&str; 7] = [
    "GRAPH_START",
    "NODE_START plan",
    "LLM_START plan",
    "REQUESTED",
    "FAILED",
    "LLM_ERROR plan",
    "NODE_ERROR plan",
];

fn assert_ended(sink: &MemorySink, end: &str, reason: Option<&str>) {
    let names = names(sink);
    assert_eq!(names[..7], OPEN);
    assert_eq!(names[7..], [end]);
    let last = events(sink).pop().unwrap();
    assert_eq!(last.attributes.contains_key("reason"), reason.is_some());
    if let Some(reason) = reason {
        assert_eq!(text(&last, "reason"), reason);
        assert!(!text(&last, "error").is_empty());
    }
}

#[test]
fn a_run_that_ends_ends_what_is_open_before() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    let open = busy(&run);
    run.end();
    assert_ended(&sink, "GRAPH_END", None);
    let node_error = events(&sink)
        .into_iter()
        .find(|event| kind(event) == EventType::NodeError);
    assert_eq!(text(&node_error.unwrap(), "reason"), "left_open");
    drop(open);
    assert_eq!(sink.messages().len(), 8, "what has ended does not end again");
}

#[test]
fn a_run_that_fails_by_an_error_says_why() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    let open = busy(&run);
    let result: Result<(), std::num::ParseIntError> = "x".parse::<i32>().map(|_| ());
    assert!(run.finish(result).is_err());
    assert_ended(&sink, "GRAPH_ERROR", Some("failed"));
    assert_eq!(
        text(events(&sink).last().unwrap(), "error"),
        "invalid digit found in string"
    );
    drop(open);
}

#[test]
fn a_run_that_is_dropped_has_failed() {
    let (recorder, sink) = recorder();
    fn early_return(recorder: &Recorder) -> Option<()> {
        let run = recorder.graph_start(graph());
        let _open = busy(&run);
        None?;
        run.end();
        Some(())
    }
    assert!(early_return(&recorder).is_none());
    assert_ended(&sink, "GRAPH_ERROR", Some("dropped"));
}

#[test]
fn a_run_that_panics_has_failed() {
    let (recorder, sink) = recorder();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let run = recorder.graph_start(graph());
        let _open = busy(&run);
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_ended(&sink, "GRAPH_ERROR", Some("panicked"));
}

#[test]
fn a_run_whose_thread_panics_has_failed() {
    let (recorder, sink) = recorder();
    let clone = recorder.clone();
    let thread = std::thread::spawn(move || {
        let run = clone.graph_start(graph());
        let _open = busy(&run);
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    assert_ended(&sink, "GRAPH_ERROR", Some("panicked"));
    // The recorder goes on.
    recorder.graph_start(graph()).end();
    assert_eq!(names(&sink)[8..], ["GRAPH_START", "GRAPH_END"]);
}

#[test]
fn a_run_that_is_left_first_ends_what_lies_in_it() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    let open = busy(&run);
    drop(run);
    assert_ended(&sink, "GRAPH_ERROR", Some("dropped"));
    drop(open);
    assert_eq!(sink.messages().len(), 8);
}

#[test]
fn a_clone_that_is_dropped_takes_nothing_with_it() {
    let (recorder, sink) = recorder();
    let clone = recorder.clone();
    let run = clone.graph_start(graph());
    drop(recorder);
    let node = run.node_start("plan");
    drop(clone);
    node.end();
    run.end();
    assert_eq!(
        names(&sink),
        ["GRAPH_START", "NODE_START plan", "NODE_END plan", "GRAPH_END"]
    );
    let numbers: Vec<u64> = messages(&sink)
        .iter()
        .map(|message| header(message).sequence)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn a_second_run_ends_the_first() {
    let (recorder, sink) = recorder();
    let first = recorder.graph_start(graph());
    let node = first.node_start("plan");
    let second = recorder.clone().graph_start(graph());
    node.end();
    first.end();
    second.end();
    assert_eq!(
        names(&sink),
        [
            "GRAPH_START",
            "NODE_START plan",
            "NODE_ERROR plan",
            "GRAPH_ERROR",
            "GRAPH_START",
            "GRAPH_END"
        ]
    );
    assert_eq!(text(&events(&sink)[3], "reason"), "superseded");
    assert_eq!(recorder.counts().late, 2);
}

#[test]
fn what_comes_after_the_end_of_a_run_is_counted_and_not_sent() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    let scope = (*run).clone();
    run.end();
    scope.edge("a", "b", None);
    scope.state(&json!({}));
    scope.node_start("a").end();
    assert_eq!(names(&sink), ["GRAPH_START", "GRAPH_END"]);
    assert_eq!(recorder.counts().late, 4);
}

#[test]
fn states_are_told_by_differences_from_the_initial_one() {
    let (recorder, sink) = recorder();
    let state = |step: u32| json!({"step": step, "notes": "n".repeat(600)});
    let run = recorder.graph_start(graph().initial_state(&state(0)));
    run.state(&state(1));
    run.state(&state(1));
    run.end();
    let initial = text(&events(&sink)[0], "initial_state_json");
    assert_eq!(parse(&initial).unwrap(), state(0));
    let states = states(&sink);
    assert_eq!(states[0].operations.len(), 1);
    assert_eq!(states[0].operations[0].path, "/step");
    assert_eq!(states[0].operations[0].value, b"1");
    assert!(states[0].full_state.is_empty());
    assert!(is_hash_of(&states[0].state_hash, &state(1)));
    assert!(states[1].operations.is_empty() && states[1].full_state.is_empty());
    assert!(is_hash_of(&states[1].state_hash, &state(1)));

    // Another run begins without a state: the first is sent whole.
    let run = recorder.graph_start(graph());
    run.state(&state(1));
    run.end();
    assert_eq!(
        self::states(&sink)[2].full_state,
        state(1).to_string().into_bytes()
    );
}

#[test]
fn a_large_initial_state_comes_after_the_start() {
    let (recorder, sink) = recorder();
    let large = json!({"text": "t".repeat(950_000)});
    recorder.graph_start(graph().initial_state(&large)).end();
    assert_eq!(names(&sink), ["GRAPH_START", "state", "GRAPH_END"]);
    assert!(!events(&sink)[0].attributes.contains_key("initial_state_json"));
    assert_eq!(states(&sink)[0].full_state, large.to_string().into_bytes());
}

#[test]
fn a_start_fits_into_what_readers_take() {
    let (recorder, sink) = recorder();
    // Two descriptions of about 480,000 bytes, and a state.
    let names: Vec<String> = (0..2_900)
        .map(|number| format!("a-node-with-a-name-{number}"))
        .collect();
    let graph = Graph::new("g", "a")
        .nodes(names)
        .initial_state(&json!({"text": "t".repeat(600_000)}));
    recorder.graph_start(graph).end();
    let start = &sink.messages()[0];
    let len = framing::encode(start, Compression::None).len();
    assert!((400_000..1_000_000).contains(&len), "{len}");
    let start = &events(&sink)[0];
    assert!(start.attributes.contains_key("graph_schema_json"));
    assert_eq!(
        states(&sink).len() + usize::from(start.attributes.contains_key("initial_state_json")),
        1
    );
}

#[test]
fn checkpoints_are_the_base_of_what_follows() {
    let sink = Arc::new(MemorySink::new());
    let recorder = Recorder::builder(sink.clone()).checkpoint_every(2).build();
    let state = |step: u32| json!({"step": step, "notes": "n".repeat(600)});
    let run = recorder.graph_start(graph().initial_state(&state(0)));
    for step in 1..=5 {
        run.state(&state(step));
    }
    run.end();
    assert_eq!(
        names(&sink)[1..8],
        [
            "state",
            "state",
            "checkpoint",
            "state",
            "state",
            "checkpoint",
            "state"
        ]
    );
    let messages = messages(&sink);
    let Message::Checkpoint(checkpoint) = &messages[3] else {
        panic!("{:?}", messages[3]);
    };
    let text = zstd::bulk::decompress(&checkpoint.state, 1 << 20).unwrap();
    assert_eq!(parse(std::str::from_utf8(&text).unwrap()).unwrap(), state(2));
    let states = states(&sink);
    assert!(states[1].base_checkpoint_id.is_empty());
    assert_eq!(states[2].base_checkpoint_id, checkpoint.checkpoint_id);
    assert_ne!(states[4].base_checkpoint_id, checkpoint.checkpoint_id);
}

#[test]
fn after_a_loss_the_next_state_is_sent_whole() {
    let sink = Arc::new(MemorySink::with_limit(2));
    let recorder = Recorder::new(sink.clone(), "t", "s");
    let state = |step: u32| json!({"step": step, "notes": "n".repeat(600)});
    let run = recorder.graph_start(graph().initial_state(&state(0)));
    run.state(&state(1));
    run.state(&state(2));
    let counts = recorder.counts();
    assert_eq!((counts.sent, counts.lost), (2, 1));
    assert_eq!(counts.last_loss, Some(SinkError::NoRoom { waiting: 2 }));
    assert_eq!(sink.take().len(), 2);
    run.state(&state(3));
    let states = states(&sink);
    assert_eq!(states[0].full_state, state(3).to_string().into_bytes());
    assert_eq!(
        states[0].header.as_ref().unwrap().sequence,
        4,
        "number 3 is the gap"
    );
    run.end();
}

/// A sink that does not take some kinds of messages while it is told so.
#[derive(Debug, Default)]
struct Choosy {
    taken: MemorySink,
    refused: std::sync::Mutex<Vec<&'static str>>,
}

impl Choosy {
    fn refuse(&self, kinds: &[&'static str]) {
        *self.refused.lock().unwrap() = kinds.to_vec();
    }
}

impl Sink for Choosy {
    fn put(&self, message: DashStreamMessage) -> Result<(), SinkError> {
        let kind = name(message.message.as_ref().unwrap());
        if self.refused.lock().unwrap().contains(&kind.as_str()) {
            return Err(SinkError::NoRoom { waiting: 1 });
        }
        self.taken.put(message)
    }
}

#[test]
fn a_checkpoint_that_was_refused_is_no_base() {
    let sink = Arc::new(Choosy::default());
    let recorder = Recorder::builder(sink.clone()).checkpoint_every(2).build();
    let state = |step: u32| json!({"step": step, "notes": "n".repeat(600)});
    let run = recorder.graph_start(graph().initial_state(&state(0)));
    let tell = |steps: std::ops::RangeInclusive<u32>| steps.for_each(|step| run.state(&state(step)));
    tell(1..=2);
    sink.refuse(&["checkpoint"]);
    tell(3..=4);
    sink.refuse(&[]);
    tell(5..=7);
    run.end();
    assert_eq!(recorder.counts().lost, 1);
    let messages = messages(&sink.taken);
    let ids: Vec<&Vec<u8>> = messages
        .iter()
        .filter_map(|message| match message {
            Message::Checkpoint(checkpoint) => Some(&checkpoint.checkpoint_id),
            _ => None,
        })
        .collect();
    let states = states(&sink.taken);
    let none = Vec::new();
    let bases: Vec<&Vec<u8>> = states.iter().map(|diff| &diff.base_checkpoint_id).collect();
    assert_eq!(bases, [&none, &none, ids[0], ids[0], ids[0], ids[0], ids[1]]);
    // What follows it is told by operations all the same: they lead from the state before.
    assert!(states.iter().all(|diff| diff.operations.len() == 1));
}

#[test]
fn a_start_that_was_refused_leaves_no_base() {
    let sink = Arc::new(Choosy::default());
    let recorder = Recorder::new(sink.clone(), "t", "s");
    let state = |step: u32| json!({"step": step, "notes": "n".repeat(600)});
    sink.refuse(&["GRAPH_START"]);
    let run = recorder.graph_start(graph().initial_state(&state(0)));
    run.state(&state(1));
    sink.refuse(&["GRAPH_START", "state"]);
    let second = recorder.graph_start(graph().initial_state(&state(2)));
    sink.refuse(&[]);
    second.state(&state(3));
    let states = states(&sink.taken);
    assert_eq!(states[0].full_state, state(0).to_string().into_bytes());
    assert_eq!(states[1].operations.len(), 1);
    assert_eq!(states[2].full_state, state(3).to_string().into_bytes());
    assert_eq!(states.len(), 3);
}

#[test]
fn the_head_of_a_list_is_removed_by_one_operation_unless_arrays_go_by_index() {
    let state = |messages: std::ops::Range<u32>| {
        let messages: Vec<Value> = messages
            .map(|number| json!({"role": "user", "content": format!("message {number}")}))
            .collect();
        json!({"messages": messages, "notes": "n".repeat(3_000)})
    };
    let operations = |builder: RecorderBuilder, sink: &MemorySink| {
        let run = builder.build().graph_start(graph().initial_state(&state(0..20)));
        run.state(&state(1..20));
        run.end();
        let diff = states(sink).remove(0);
        assert_eq!(apply_diff(&state(0..20), &diff).unwrap().state, state(1..20));
        diff.operations
    };
    let sink = Arc::new(MemorySink::new());
    let aligned = operations(Recorder::builder(sink.clone()), &sink);
    assert_eq!(aligned.len(), 1);
    assert_eq!(
        (aligned[0].op(), aligned[0].path.as_str()),
        (OpType::Remove, "/messages/0")
    );
    let sink = Arc::new(MemorySink::new());
    let builder = Recorder::builder(sink.clone()).array_alignment(ArrayAlignment::ByIndex);
    let by_index = operations(builder, &sink);
    assert_eq!(by_index.len(), 20, "nineteen are replaced, one is removed");
}

#[test]
fn a_state_over_the_bound_is_counted_and_the_next_one_leads_from_the_last_that_was_sent() {
    let sink = Arc::new(MemorySink::new());
    let recorder = Recorder::builder(sink.clone()).state_bytes_max(1_000).build();
    let state = |step: u32, bytes: usize| json!({"step": step, "notes": "n".repeat(bytes)});
    let run = recorder.graph_start(graph().initial_state(&state(0, 600)));
    run.state(&state(1, 1_000));
    assert_eq!(recorder.counts().states_skipped, 1);
    run.state(&state(2, 600));
    run.end();
    let told = states(&sink);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].operations.len(), 1);
    let after = apply_diff(&state(0, 600), &told[0]).unwrap();
    assert_eq!((after.state, after.hash_ok), (state(2, 600), Some(true)));

    // A run that starts with such a state has no base: not that of the run before either.
    let run = recorder.graph_start(graph().initial_state(&state(3, 1_000)));
    run.state(&state(4, 600));
    run.end();
    assert_eq!(recorder.counts().states_skipped, 2);
    let start = &events(&sink)[2];
    assert_eq!(kind(start), EventType::GraphStart);
    assert!(!start.attributes.contains_key("initial_state_json"));
    assert_eq!(
        states(&sink)[1].full_state,
        state(4, 600).to_string().into_bytes()
    );
    assert_eq!(recorder.counts().lost, 0);
}

#[test]
fn states_are_redacted_before_they_are_compared() {
    let (recorder, sink) = recorder();
    let state = |key: &str, step: u32| json!({"api_key": key, "url": format!("https://me:{key}@host/"), "mail": "a@b.c", "step": step});
    let run = recorder.graph_start(graph().initial_state(&state("first-secret", 0)));
    run.state(&state("other-secret", 0));
    run.state(&state("other-secret", 1));
    run.fail("no access with https://me:other-secret@host/");
    let states = states(&sink);
    assert!(
        states[0].operations.is_empty() && states[0].full_state.is_empty(),
        "nothing that may be told changed"
    );
    let shown =
        json!({"api_key": "[REDACTED]", "url": "https://[CREDENTIALS]@host/", "mail": "a@b.c", "step": 1});
    assert!(is_hash_of(&states[1].state_hash, &shown));
    for message in sink.messages() {
        let bytes = framing::encode(&message, Compression::None);
        assert!(!bytes.windows(6).any(|window| window == b"secret"), "{message:?}");
    }
}

#[test]
fn a_state_that_is_no_json_is_counted_and_the_next_covers_it() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph().initial_state(&json!({"a": 1, "b": "b".repeat(99)})));
    let no_names = HashMap::from([(vec![1u8], 1)]);
    run.state(&no_names);
    run.state(&json!({"a": 2, "b": "b".repeat(99)}));
    run.end();
    assert_eq!(recorder.counts().states_skipped, 1);
    assert_eq!(states(&sink)[0].operations.len(), 1);
}

#[test]
fn many_threads_keep_one_order() {
    let (recorder, sink) = recorder();
    let run = recorder.graph_start(graph());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let run = &run;
            scope.spawn(move || {
                for _ in 0..50 {
                    let node = run.node_start(format!("node-{thread}"));
                    node.progress("half", 0.5);
                    node.end();
                }
            });
        }
    });
    run.end();
    let messages = messages(&sink);
    assert_eq!(messages.len(), 2 + 4 * 50 * 3);
    let times: Vec<i64> = messages
        .iter()
        .map(|message| header(message).timestamp_us)
        .collect();
    assert!(times.is_sorted());
    assert_eq!(name(messages.last().unwrap()), "GRAPH_END");
}

#[test]
fn a_recording_is_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.frames");
    let sink = Arc::new(FramesSink::create(&path).unwrap());
    let recorder = Recorder::new(sink.clone(), "acme", "session-1");
    let run = recorder.graph_start(graph());
    run.node_start("plan").end();
    run.end();
    sink.flush().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let mut decoder = Decoder::new(Policy::Strict);
    let mut types = Vec::new();
    for frame in FramesReader::new(&bytes) {
        let frame = frame.unwrap();
        assert_eq!(frame.key, b"session-1");
        let decoded = decoder.decode(Some(frame.payload)).unwrap();
        match decoded.message {
            quipu_proto::Message::Event(event) => types.push(event.event_type),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(types, [1, 10, 11, 2]);
}

/// So that a recorder can be shared between tasks.
#[test]
fn recorders_and_what_they_begin_can_be_sent_to_threads() {
    fn check<T: Send + Sync>(_: &T) {}
    let (recorder, _) = recorder();
    let run = recorder.graph_start(graph());
    let node = run.node_start("plan");
    let llm = node.llm_start(LlmRequest::new("m"));
    let tool = node.tool_requested("t", &json!({}));
    check(&recorder);
    check(&run);
    check(&node);
    check(&llm);
    check(&tool);
}
