//! What a recorder tells, as the views show it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use quipu::Quipu;
use quipu::client::dash_stream_message::Message;
use quipu::client::kafka::address::BrokerAddress;
use quipu::client::numbering::StartPolicy;
use quipu::client::producer::{Producer, ProducerOptions};
use quipu::client::recorder::{END, Graph, LlmRequest, Recorder, Run, Usage};
use quipu::client::{Consumer, Event, FramesSink, Header};
use quipu::ingest::FramesFile;
use quipu_broker::{BrokerOptions, BrokerThread, TopicOptions};
use serde_json::json;

/// Runs what `tell` records in a thread, and takes it into a store.
struct Recorded {
    folder: tempfile::TempDir,
    sink: Arc<FramesSink>,
}

impl Recorded {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sink = Arc::new(FramesSink::create(folder.path().join("runs.frames")).unwrap());
        Self { folder, sink }
    }

    fn begin(&self, thread: &str) -> Run {
        let recorder = Recorder::new(self.sink.clone(), "acme", thread);
        let graph = Graph::new("research", "plan").nodes(["plan"]).edge("plan", END);
        recorder.graph_start(graph)
    }

    fn store(&self) -> Quipu {
        self.sink.flush().unwrap();
        let quipu = Quipu::create(self.folder.path().join("store")).unwrap();
        quipu
            .ingest(&[FramesFile::new(self.folder.path().join("runs.frames"))])
            .unwrap();
        quipu
    }
}

async fn rows<T: serde::de::DeserializeOwned>(quipu: &Quipu, sql: &str) -> Vec<T> {
    quipu.sql(sql).await.unwrap().collect_as().await.unwrap()
}

fn fails() -> Result<(), std::num::ParseIntError> {
    "one".parse::<u8>().map(|_| ())
}

#[tokio::test]
async fn a_run_has_ended_however_it_ends() {
    let recorded = Recorded::new();
    recorded.begin("ended").end();
    let run = recorded.begin("error");
    let node = run.node_start("plan");
    if let Err(error) = fails() {
        node.fail(&error);
        run.fail(&error);
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let run = recorded.begin("panic");
        let _node = run.node_start("plan");
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let run = recorded.begin("panic in a thread");
    std::thread::spawn(move || {
        let _open = run.node_start("plan").llm_start(LlmRequest::new("small-1"));
        panic!("on purpose");
    })
    .join()
    .unwrap_err();
    drop(recorded.begin("drop"));
    // A task that is cancelled drops what it holds.
    let run = recorded.begin("cancelled");
    let task = tokio::spawn(async move {
        let _node = run.node_start("plan");
        std::future::pending::<()>().await;
    });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());

    let quipu = recorded.store();
    let runs: Vec<(String, String, bool)> = rows(
        &quipu,
        "select thread_id, status, ended is not null from runs order by thread_id",
    )
    .await;
    let expected = [
        ("cancelled", "failed"),
        ("drop", "failed"),
        ("ended", "completed"),
        ("error", "failed"),
        ("panic", "failed"),
        ("panic in a thread", "failed"),
    ];
    assert_eq!(
        runs,
        expected.map(|(thread, status)| (thread.to_owned(), status.to_owned(), true))
    );
    let open: Vec<u64> = rows(
        &quipu,
        "select cast(count(*) as bigint unsigned) from llm_calls where status = 'streaming'",
    )
    .await;
    assert_eq!(open, [0]);
    assert_eq!(quipu.completeness().await.unwrap().missing, 0);
}

#[tokio::test]
async fn the_store_knows_where_the_numbers_of_a_thread_go_on() {
    let recorded = Recorded::new();
    // A name that could end a text in SQL.
    let thread = "o'clock";
    recorded.begin(thread).end();
    let quipu = Arc::new(recorded.store());
    let known: Vec<u64> = rows(
        &quipu,
        "select max(sequence) from events where thread_id = 'o''clock'",
    )
    .await;

    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker.create_topic("t", TopicOptions::partitions(1)).unwrap();
    let options = ProducerOptions {
        start: StartPolicy::Ask {
            source: quipu,
            time: Duration::from_secs(30),
        },
        ..ProducerOptions::default()
    };
    let brokers = BrokerAddress::parse_list(&broker.address()).unwrap();
    let producer = Producer::with_options(brokers, "t", options).unwrap();
    let event = |thread: &str| Event {
        header: Some(Header {
            tenant_id: "acme".to_owned(),
            thread_id: thread.to_owned(),
            ..Header::default()
        }),
        ..Event::default()
    };
    producer.send_event(event(thread)).await.unwrap();
    producer.send_event(event("a new one")).await.unwrap();
    let mut consumer = Consumer::for_partition(&broker.address(), "t", 0).await.unwrap();
    for expected in [known[0] + 1, 1] {
        let received = consumer.next().await.unwrap();
        let Some(Message::Event(event)) = received.message.message else {
            panic!("an event was sent")
        };
        assert_eq!(event.header.unwrap().sequence, expected);
    }
    producer.close(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn views_show_what_was_recorded() {
    let recorded = Recorded::new();
    let run = recorded.begin("session-1");
    let node = run.node_start("plan");
    let request = node.llm_start(LlmRequest::new("small-1").provider("acme"));
    request.chunk("Look it ");
    request.chunk("up.");
    request.end(Usage::new().tokens(212, 6).cost_usd(0.000_25));
    let search = node.tool_requested("search", &json!({"query": "quipu"}));
    search.started();
    search.completed(&json!(["knotted cords"]));
    node.state(&json!({"found": ["knotted cords"]}));
    node.end();
    run.edge("plan", END, Some("answered"));
    run.end();
    let quipu = recorded.store();
    let runs: Vec<(String, String, i64, i64, i64, i64)> = rows(
        &quipu,
        "select graph_name, status, tool_calls, errors, input_tokens, output_tokens from runs",
    )
    .await;
    assert_eq!(runs, [("research".into(), "completed".into(), 1, 0, 212, 6)]);
    let calls: Vec<(String, String, String, f64, u64)> = rows(
        &quipu,
        "select node_id, model, status, reported_cost_usd, cast(missing_chunks as bigint unsigned) from llm_calls",
    )
    .await;
    assert_eq!(
        calls,
        [("plan".into(), "small-1".into(), "completed".into(), 0.000_25, 0)]
    );
    let tools: Vec<(String, String, String)> =
        rows(&quipu, "select node_id, tool_name, outcome from tool_calls").await;
    assert_eq!(tools, [("plan".into(), "search".into(), "completed".into())]);
    let nodes: Vec<(String, String)> = rows(&quipu, "select node_id, status from node_executions").await;
    assert_eq!(nodes, [("plan".into(), "completed".into())]);
    let edges: Vec<(String, String, bool)> =
        rows(&quipu, "select from_node, to_node, inferred from edges").await;
    assert_eq!(edges, [("plan".into(), END.into(), false)]);
    // What is told twice is told alike.
    let differences: Vec<u64> = rows(
        &quipu,
        "select cast(count(*) as bigint unsigned) from reconcile where differs is not null",
    )
    .await;
    assert_eq!(differences, [0]);
}
