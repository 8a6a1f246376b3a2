//! What the start of a run tells of its graph.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use quipu_proto::message::dash_stream_message::Message;
use quipu_proto::message::{Event, EventType};
use serde_json::{Map, Value, json};

use super::attributes::Attributes;
use super::graph::{EdgeKind, Graph, GraphEdge, NodeKind};

/// Longest description of a graph that is sent, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 512_000;

/// Most bytes that a start may have with all that is in it. Readers take 1 MiB; what does not fit is left out, so that a start is
/// never refused for its size.
const START_BYTES_MAX: usize = 900_000;

/// The GRAPH_START of this graph. The state that it starts with is not in it.
pub(super) fn event(graph: &Graph, exported_at: &str) -> Event {
    let mut attributes = Attributes::default()
        .with("graph_entry_point", graph.entry_point.as_str())
        .with("graph_node_count", graph.nodes.len())
        .with("graph_edge_count", graph.edges.len())
        .with("schema_id", graph.schema_id());
    if !graph.name.is_empty() {
        attributes.set("graph_name", graph.name.as_str());
    }
    let mut left = START_BYTES_MAX;
    for (name, description) in [
        ("graph_schema_json", schema(graph, exported_at)),
        ("graph_manifest", manifest(graph, exported_at)),
    ] {
        let text = description.to_string();
        if text.len() <= DESCRIPTION_BYTES_MAX.min(left) {
            left -= text.len();
            attributes.set(name, text);
        }
    }
    attributes
        .with_all(&graph.attributes)
        .event(EventType::GraphStart, "")
}

/// Adds the state that a run starts with, as text. Tells whether it fits.
pub(super) fn add_initial_state(start: &mut Message, text: String) -> bool {
    let Message::Event(start) = start else {
        return false;
    };
    let fits = text.len() <= START_BYTES_MAX.saturating_sub(start.encoded_len());
    if fits {
        let state = Attributes::default().with("initial_state_json", text);
        start.attributes.extend(state.0);
    }
    fits
}

fn schema(graph: &Graph, exported_at: &str) -> Value {
    let kind = |kind: &NodeKind| match kind {
        NodeKind::Function => json!("transform"),
        NodeKind::Agent => json!("llm"),
        NodeKind::ToolExecutor => json!("tool"),
        NodeKind::Approval => json!("human_in_loop"),
        NodeKind::Subgraph => json!({"custom": "subgraph"}),
        NodeKind::Custom(name) => json!({"custom": name}),
    };
    let nodes: Vec<Value> = graph
        .nodes
        .iter()
        .map(|node| {
            json!({
                "name": node.name, "description": node.description, "node_type": kind(&node.kind),
                "input_fields": [], "output_fields": [], "position": null, "attributes": {},
            })
        })
        .collect();
    let edges: Vec<Value> = graph
        .edges
        .iter()
        .map(|edge| {
            let edge_type = match edge.kind {
                EdgeKind::Direct => "direct",
                EdgeKind::Conditional => "conditional",
                EdgeKind::Parallel => "parallel",
            };
            json!({
                "from": edge.from, "to": edge.to, "edge_type": edge_type, "label": null, "conditional_targets": null,
            })
        })
        .collect();
    json!({
        "name": if graph.name.is_empty() { "unnamed" } else { &graph.name },
        "version": "1.0.0", "description": graph.description, "nodes": nodes, "edges": edges,
        "entry_point": graph.entry_point, "state_type": null, "exported_at": exported_at, "metadata": {},
    })
}

fn manifest(graph: &Graph, created_at: &str) -> Value {
    let kind = |kind: &NodeKind| match kind {
        NodeKind::Function => "function",
        NodeKind::Agent => "agent",
        NodeKind::ToolExecutor => "tool_executor",
        NodeKind::Subgraph => "subgraph",
        NodeKind::Approval => "approval",
        NodeKind::Custom(_) => "custom",
    };
    let nodes: Map<String, Value> = graph
        .nodes
        .iter()
        .map(|node| {
            let told = json!({
                "name": node.name, "description": node.description, "node_type": kind(&node.kind),
                "tools_available": node.tools, "metadata": {},
            });
            (node.name.clone(), told)
        })
        .collect();
    let mut edges: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for edge in &graph.edges {
        edges.entry(&edge.from).or_default().push(json!({
            "from": edge.from, "to": edge.to, "is_conditional": edge.kind == EdgeKind::Conditional,
            "is_parallel": edge.kind == EdgeKind::Parallel, "condition_label": null, "description": null,
        }));
    }
    json!({
        "graph_id": null, "graph_name": (!graph.name.is_empty()).then_some(&graph.name),
        "entry_point": graph.entry_point, "nodes": nodes, "edges": edges, "state_schema": null,
        "metadata": {
            "version": null, "author": null, "created_at": created_at, "has_cycles": has_cycle(&graph.edges),
            "has_parallel_edges": graph.edges.iter().any(|edge| edge.kind == EdgeKind::Parallel), "custom": {},
        },
    })
}

/// Whether some way leads back to where it began: nodes that no edge leads to are taken away until none is left, or only
/// those of circles and behind them.
fn has_cycle(edges: &[GraphEdge]) -> bool {
    let mut left: Vec<&GraphEdge> = edges.iter().collect();
    loop {
        let reached: BTreeSet<&str> = left.iter().map(|edge| edge.to.as_str()).collect();
        let before = left.len();
        left.retain(|edge| reached.contains(edge.from.as_str()));
        if left.len() == before {
            return !left.is_empty();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use quipu_proto::message::attribute_value::Value as Attribute;

    use super::super::graph::{END, GraphNode};
    use super::*;

    fn graph() -> Graph {
        Graph::new("research", "plan")
            .node(
                GraphNode::new("plan")
                    .kind(NodeKind::Agent)
                    .description("plans")
                    .tools(["search"]),
            )
            .node(GraphNode::new("ask").kind(NodeKind::Custom("oracle".to_owned())))
            .parallel("plan", ["ask", "ask2"])
            .edge("ask", END)
            .attribute("release", "1.2")
            .attribute("schema_id", "not this one")
    }

    fn text(event: &Event, name: &str) -> String {
        match event.attributes[name].value.as_ref().unwrap() {
            Attribute::StringValue(text) => text.clone(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_start_tells_of_the_graph() {
        let event = event(&graph(), "2026-01-02T03:04:05Z");
        assert_eq!(text(&event, "graph_name"), "research");
        assert_eq!(text(&event, "graph_entry_point"), "plan");
        assert_eq!(text(&event, "schema_id"), graph().schema_id());
        assert_eq!(text(&event, "release"), "1.2");
        assert_eq!(
            event.attributes["graph_node_count"].value,
            Some(Attribute::IntValue(2))
        );
        assert_eq!(
            event.attributes["graph_edge_count"].value,
            Some(Attribute::IntValue(3))
        );

        let schema: Value = serde_json::from_str(&text(&event, "graph_schema_json")).unwrap();
        assert_eq!(schema["nodes"][0]["node_type"], "llm");
        assert_eq!(schema["nodes"][1]["node_type"], json!({"custom": "oracle"}));
        assert_eq!(schema["edges"][0]["edge_type"], "parallel");
        assert_eq!(schema["exported_at"], "2026-01-02T03:04:05Z");

        let manifest: Value = serde_json::from_str(&text(&event, "graph_manifest")).unwrap();
        assert_eq!(manifest["nodes"]["plan"]["tools_available"], json!(["search"]));
        assert_eq!(manifest["nodes"]["ask"]["node_type"], "custom");
        assert_eq!(manifest["edges"]["plan"][1]["to"], "ask2");
        assert_eq!(manifest["metadata"]["has_cycles"], false);
        assert_eq!(manifest["metadata"]["has_parallel_edges"], true);
    }

    #[test]
    fn a_graph_without_a_name_is_unnamed() {
        let event = event(&Graph::new("", "a"), "");
        assert!(!event.attributes.contains_key("graph_name"));
        let schema: Value = serde_json::from_str(&text(&event, "graph_schema_json")).unwrap();
        assert_eq!(schema["name"], "unnamed");
    }

    #[test]
    fn circles_are_found() {
        let circle = Graph::new("", "a")
            .edge("a", "b")
            .edge("b", "c")
            .edge("c", "b")
            .edge("c", END);
        assert!(has_cycle(&circle.edges));
        assert!(has_cycle(&Graph::new("", "a").edge("a", "a").edges));
        let diamond = Graph::new("", "a")
            .parallel("a", ["b", "c"])
            .edge("b", "d")
            .edge("c", "d");
        assert!(!has_cycle(&diamond.edges));
        assert!(!has_cycle(&[]));
    }

    #[test]
    fn a_description_that_is_too_long_is_left_out() {
        let names = (0..20_000).map(|number| format!("a-node-with-a-long-name-{number}"));
        let event = event(&Graph::new("g", "a").nodes(names), "");
        assert!(!event.attributes.contains_key("graph_schema_json"));
        assert!(!event.attributes.contains_key("graph_manifest"));
        assert!(event.attributes.contains_key("schema_id"));
    }
}
