//! Records a run of a small agent to a frames file: `cargo run -p quipu-client --example recorder -- run.frames`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use quipu_client::FramesSink;
use quipu_client::recorder::{
    END, FinishReason, Graph, GraphNode, LlmRequest, Metric, NodeKind, Recorder, Usage,
};
use serde_json::json;

#[expect(clippy::print_stdout, reason = "an example shows what it did")]
fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name the file to record to")?;
    let sink = Arc::new(FramesSink::create(&path)?);
    let recorder = Recorder::builder(sink.clone()).tenant("examples").build();

    let graph = Graph::new("research", "plan")
        .node(GraphNode::new("plan").kind(NodeKind::Agent))
        .node(
            GraphNode::new("lookup")
                .kind(NodeKind::ToolExecutor)
                .tools(["search"]),
        )
        .conditional("plan", ["lookup", END])
        .edge("lookup", "plan")
        .initial_state(&json!({"question": "What is a quipu?", "found": [], "answer": null}));
    let run = recorder.graph_start(graph);

    let plan = run.node_start("plan");
    let request = plan.llm_start(
        LlmRequest::new("small-1")
            .provider("acme")
            .attribute("temperature", 0.2),
    );
    request.chunk("I should ");
    request.chunk("look it up.");
    request.end(
        Usage::new()
            .tokens(212, 6)
            .cost_usd(0.000_25)
            .finish_reason(FinishReason::ToolCalls),
    );
    plan.state(&json!({"question": "What is a quipu?", "found": [], "answer": null, "next": "lookup"}));
    plan.end();
    run.edge("plan", "lookup", Some("lookup"));

    let lookup = run.node_start("lookup");
    // The key does not leave this process.
    let arguments = json!({"query": "quipu", "api_key": "sk-proj-not-a-real-key-0123456789"});
    let search = lookup.tool_requested("search", &arguments);
    search.started();
    search.retrying("429 too many requests");
    search.completed(&json!(["a record of knotted cords"]));
    lookup.metrics([Metric::gauge(
        "cache_age",
        Duration::from_secs(3).as_secs_f64(),
        "seconds",
    )]);
    lookup.state(&json!({
        "question": "What is a quipu?", "found": ["a record of knotted cords"], "answer": null, "next": "plan",
    }));
    lookup.end();
    run.edge("lookup", "plan", None);

    let plan = run.node_start("plan");
    let answer = plan.llm_start(LlmRequest::new("small-1").provider("acme"));
    answer.end(Usage::new().tokens(260, 9).text("A record of knotted cords."));
    plan.state(&json!({
        "question": "What is a quipu?", "found": ["a record of knotted cords"],
        "answer": "A record of knotted cords.", "next": null,
    }));
    plan.end();
    run.edge("plan", END, Some("answered"));
    run.end();

    // A second run fails: it ends all the same.
    let run = recorder.graph_start(Graph::new("research", "plan").nodes(["plan"]));
    let plan = run.node_start("plan");
    plan.fail("503 upstream connect error");
    run.fail("node 'plan' failed: 503 upstream connect error");

    sink.flush()?;
    println!("{} messages in {path}. Read them with:", recorder.counts().sent);
    println!("  quipu ingest frames {path}");
    println!(r#"  quipu sql -c "select graph_name, status, tool_calls, input_tokens from runs""#);
    Ok(())
}
