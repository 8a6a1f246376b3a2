//! What a graph says about itself when a run begins.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dice::hex;
use crate::graphs::{END, Graph, Next, Node, Work};

/// The places a node leads to.
fn targets(node: &Node) -> Vec<&'static str> {
    match node.next {
        Next::Edge(target) => vec![target],
        Next::Branch(targets) => targets.iter().map(|(target, _)| *target).collect(),
    }
}

fn is_conditional(node: &Node) -> bool {
    matches!(node.next, Next::Branch(_))
}

/// The number of edges; each route of a condition and each parallel branch counts.
pub(crate) fn edge_count(graph: &Graph) -> usize {
    let branches = |node: &Node| {
        if let Work::Parallel(names) = node.work {
            names.len()
        } else {
            0
        }
    };
    graph
        .nodes
        .iter()
        .map(|node| targets(node).len() + branches(node))
        .sum()
}

/// The id of the graph's shape: 16 hexadecimal digits of the SHA-256 of its nodes and edges.
pub(crate) fn schema_id(graph: &Graph) -> String {
    let mut nodes: Vec<&str> = graph.nodes.iter().map(|node| node.name).collect();
    nodes.sort_unstable();
    let mut edges: Vec<String> = Vec::new();
    for node in graph.nodes {
        edges.extend(
            targets(node)
                .iter()
                .map(|target| format!("{}->{target}:{}", node.name, is_conditional(node))),
        );
    }
    edges.sort_unstable();
    let shape = format!(
        "entry:{};nodes:{};edges:{}",
        graph.nodes[0].name,
        nodes.join(","),
        edges.join(",")
    );
    hex(&Sha256::digest(shape)[..8])
}

/// The JSON text of the manifest.
pub(crate) fn json(graph: &Graph) -> String {
    let mut nodes = serde_json::Map::new();
    let mut edges = serde_json::Map::new();
    for node in graph.nodes {
        let (node_type, tools): (&str, &[&str]) = match node.work {
            Work::Llm => ("agent", &[]),
            Work::Agent(tools) => ("agent", tools),
            Work::Tools(tools) | Work::Parallel(tools) => ("tool_executor", tools),
            Work::Function => ("function", &[]),
            Work::Human => ("approval", &[]),
        };
        nodes.insert(
            node.name.to_owned(),
            json!({"name": node.name, "node_type": node_type, "tools_available": tools}),
        );
        let out: Vec<Value> = targets(node)
            .into_iter()
            .map(|target| json!({"from": node.name, "to": target, "is_conditional": is_conditional(node)}))
            .collect();
        edges.insert(node.name.to_owned(), out.into());
    }
    json!({
        "graph_name": graph.name,
        "entry_point": graph.nodes[0].name,
        "nodes": nodes,
        "edges": edges,
        "metadata": {"version": "1.0.0", "end": END},
    })
    .to_string()
}
