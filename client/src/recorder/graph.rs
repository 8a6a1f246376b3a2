//! The graph that a run executes, as an application describes it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The name of what comes after the last node.
pub const END: &str = "__end__";

/// A graph: its nodes, the edges between them, and the state that a run of it starts with.
///
/// ```
/// use quipu_client::recorder::{Graph, GraphNode, NodeKind};
///
/// let graph = Graph::new("research", "plan")
///     .node(GraphNode::new("plan").kind(NodeKind::Agent))
///     .node(GraphNode::new("lookup").kind(NodeKind::ToolExecutor))
///     .conditional("plan", ["lookup", "__end__"])
///     .edge("lookup", "plan");
/// assert_eq!(graph.schema_id(), "081bc924d317f037");
/// ```
#[derive(Clone, Default)]
pub struct Graph {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) entry_point: String,
    pub(super) nodes: Vec<GraphNode>,
    pub(super) edges: Vec<GraphEdge>,
    pub(super) initial_state: Option<Result<Value, String>>,
    pub(super) attributes: BTreeMap<String, Value>,
}

impl fmt::Debug for Graph {
    /// Without the state and the attributes: their secrets are not taken out before a run starts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("name", &self.name)
            .field("entry_point", &self.entry_point)
            .field("nodes", &self.nodes)
            .field("edges", &self.edges)
            .finish_non_exhaustive()
    }
}

/// A node of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphNode {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kind: NodeKind,
    pub(super) tools: Vec<String>,
}

/// What a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// Code.
    #[default]
    Function,
    /// It asks a model.
    Agent,
    /// It calls tools.
    ToolExecutor,
    /// A graph of its own.
    Subgraph,
    /// It waits for a person.
    Approval,
    /// Anything else, by its name.
    Custom(String),
}

/// How an edge is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EdgeKind {
    Direct,
    Conditional,
    Parallel,
}

/// An edge of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GraphEdge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: EdgeKind,
}

impl GraphNode {
    /// A node that is code.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// What the node is.
    #[must_use]
    pub fn kind(mut self, kind: NodeKind) -> Self {
        self.kind = kind;
        self
    }

    /// What it does, in words.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The tools that it may call.
    #[must_use]
    pub fn tools<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.tools.extend(tools.into_iter().map(Into::into));
        self
    }
}

impl From<&str> for GraphNode {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl Graph {
    /// A graph without nodes, that begins at this one. A name that is empty is left out.
    #[must_use]
    pub fn new(name: impl Into<String>, entry_point: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            entry_point: entry_point.into(),
            ..Self::default()
        }
    }

    /// What the graph does, in words.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds a node.
    #[must_use]
    pub fn node(mut self, node: impl Into<GraphNode>) -> Self {
        self.nodes.push(node.into());
        self
    }

    /// Adds nodes that are code.
    #[must_use]
    pub fn nodes<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.nodes.extend(names.into_iter().map(GraphNode::new));
        self
    }

    /// Adds an edge that is always taken.
    #[must_use]
    pub fn edge(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.edges_to(from, [to], EdgeKind::Direct)
    }

    /// Adds edges of which a condition chooses one. Each target counts as an edge.
    #[must_use]
    pub fn conditional<T: Into<String>>(
        self,
        from: impl Into<String>,
        to: impl IntoIterator<Item = T>,
    ) -> Self {
        self.edges_to(from, to, EdgeKind::Conditional)
    }

    /// Adds edges to branches that run at the same time. Each target counts as an edge.
    #[must_use]
    pub fn parallel<T: Into<String>>(self, from: impl Into<String>, to: impl IntoIterator<Item = T>) -> Self {
        self.edges_to(from, to, EdgeKind::Parallel)
    }

    fn edges_to<T: Into<String>>(
        mut self,
        from: impl Into<String>,
        to: impl IntoIterator<Item = T>,
        kind: EdgeKind,
    ) -> Self {
        let from = from.into();
        self.edges.extend(to.into_iter().map(|to| GraphEdge {
            from: from.clone(),
            to: to.into(),
            kind,
        }));
        self
    }

    /// The state that a run starts with. One that cannot be written as JSON is left out, and counted when the run starts.
    #[must_use]
    pub fn initial_state(mut self, state: &impl Serialize) -> Self {
        self.initial_state = Some(serde_json::to_value(state).map_err(|error| error.to_string()));
        self
    }

    /// Adds an attribute to the start of each run, such as a version.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// The identity of the structure: equal for graphs with equal entry point, nodes and edges. 16 hexadecimal digits.
    #[must_use]
    pub fn schema_id(&self) -> String {
        let digest = Sha256::digest(self.structure());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    fn structure(&self) -> String {
        let mut nodes: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
        nodes.sort_unstable();
        let edge = |edge: &GraphEdge| {
            let is_conditional = edge.kind == EdgeKind::Conditional;
            format!("{}->{}:{is_conditional}", edge.from, edge.to)
        };
        let mut edges: Vec<String> = self.edges.iter().map(edge).collect();
        edges.sort_unstable();
        format!(
            "entry:{};nodes:{};edges:{}",
            self.entry_point,
            nodes.join(","),
            edges.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_told_in_the_words_of_the_protocol() {
        let graph = Graph::new("g", "plan")
            .nodes(["plan", "lookup"])
            .conditional("plan", [END, "lookup"])
            .edge("lookup", "plan");
        assert_eq!(
            graph.structure(),
            "entry:plan;nodes:lookup,plan;edges:lookup->plan:false,plan->__end__:true,plan->lookup:true"
        );
        assert_eq!(graph.schema_id(), "081bc924d317f037");
        let other = graph.edge("lookup", END);
        assert_ne!(other.schema_id(), "081bc924d317f037");
    }
}
