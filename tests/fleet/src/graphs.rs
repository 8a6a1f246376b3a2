//! The graphs that the fleet runs, with their nodes and tools.

/// Name of the place where a run ends.
pub(crate) const END: &str = "__end__";

/// What a node does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Asks a model once.
    Llm,
    /// Asks a model, which may call some of these tools before it answers.
    Agent(&'static [&'static str]),
    /// Calls these tools.
    Tools(&'static [&'static str]),
    /// Computes something without model or tool.
    Function,
    /// Waits for a person.
    Human,
    /// Several branches at the same time; each calls a tool of its own name.
    Parallel(&'static [&'static str]),
}

/// Where a run goes after a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// Always there.
    Edge(&'static str),
    /// To one of these, with weights.
    Branch(&'static [(&'static str, u32)]),
}

/// A node of a graph.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    pub(crate) next: Next,
    /// Median time of its own work, in milliseconds, without models and tools.
    pub(crate) own_ms: f64,
}

/// A graph; its first node is the entry point.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) name: &'static str,
    pub(crate) nodes: &'static [Node],
}

impl Graph {
    /// The index of the node of this name, none for the end.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }
}

const fn node(name: &'static str, work: Work, own_ms: f64, next: Next) -> Node {
    Node {
        name,
        work,
        next,
        own_ms,
    }
}

use Next::{Branch, Edge};
use Work::{Agent, Function, Human, Llm, Parallel, Tools};

/// The graphs and how often a session runs each.
pub(crate) const GRAPHS: [(&Graph, u32); 8] = [
    (&RESEARCH, 20),
    (&SUPPORT, 26),
    (&REVIEW, 14),
    (&ANALYST, 16),
    (&LIBRARIAN, 12),
    (&INCIDENT, 6),
    (&DOCUMENTS, 4),
    (&TRAVEL, 6),
];

static RESEARCH: Graph = Graph {
    name: "research_assistant",
    nodes: &[
        node("plan", Llm, 12.0, Edge("search")),
        node(
            "search",
            Parallel(&["web_search", "paper_search"]),
            4.0,
            Edge("read"),
        ),
        node(
            "read",
            Tools(&["fetch_page", "extract_quotes"]),
            9.0,
            Edge("critique"),
        ),
        node("critique", Llm, 6.0, Branch(&[("search", 35), ("write", 65)])),
        node("write", Llm, 15.0, Edge(END)),
    ],
};

static SUPPORT: Graph = Graph {
    name: "support_triage",
    nodes: &[
        node(
            "classify",
            Llm,
            5.0,
            Branch(&[
                ("lookup_account", 70),
                ("search_articles", 24),
                ("human_approval", 6),
            ]),
        ),
        node(
            "lookup_account",
            Tools(&["crm_lookup", "order_history"]),
            6.0,
            Edge("draft_reply"),
        ),
        node(
            "search_articles",
            Tools(&["knowledge_search"]),
            5.0,
            Edge("draft_reply"),
        ),
        node("human_approval", Human, 3.0, Edge("draft_reply")),
        node(
            "draft_reply",
            Agent(&["refund_quote", "ticket_update"]),
            11.0,
            Edge("review"),
        ),
        node("review", Llm, 5.0, Branch(&[("draft_reply", 22), ("send", 78)])),
        node("send", Tools(&["send_email"]), 4.0, Edge(END)),
    ],
};

static REVIEW: Graph = Graph {
    name: "code_reviewer",
    nodes: &[
        node("fetch_diff", Tools(&["git_diff"]), 14.0, Edge("inspect")),
        node(
            "inspect",
            Parallel(&["static_analysis", "security_scan", "run_tests"]),
            8.0,
            Edge("summarize"),
        ),
        node(
            "summarize",
            Llm,
            20.0,
            Branch(&[("read_more", 40), ("comment", 60)]),
        ),
        node(
            "read_more",
            Agent(&["read_file", "grep_repository"]),
            9.0,
            Edge("summarize"),
        ),
        node("comment", Tools(&["post_review"]), 5.0, Edge(END)),
    ],
};

static ANALYST: Graph = Graph {
    name: "sql_analyst",
    nodes: &[
        node("understand", Llm, 7.0, Edge("list_tables")),
        node(
            "list_tables",
            Tools(&["describe_schema"]),
            3.0,
            Edge("write_query"),
        ),
        node("write_query", Llm, 8.0, Edge("execute_query")),
        node(
            "execute_query",
            Tools(&["run_sql"]),
            6.0,
            Branch(&[("write_query", 28), ("explain", 72)]),
        ),
        node("explain", Agent(&["render_chart"]), 12.0, Edge(END)),
    ],
};

static LIBRARIAN: Graph = Graph {
    name: "librarian_rag",
    nodes: &[
        node("rewrite_query", Llm, 4.0, Edge("retrieve")),
        node(
            "retrieve",
            Tools(&["vector_search", "bm25_lookup"]),
            7.0,
            Edge("rerank"),
        ),
        node("rerank", Function, 38.0, Edge("answer")),
        node("answer", Llm, 9.0, Branch(&[("rewrite_query", 15), (END, 85)])),
    ],
};

static INCIDENT: Graph = Graph {
    name: "incident_responder",
    nodes: &[
        node("triage", Llm, 6.0, Edge("gather")),
        node(
            "gather",
            Parallel(&["query_metrics", "search_logs", "recent_deploys"]),
            10.0,
            Edge("hypothesize"),
        ),
        node(
            "hypothesize",
            Llm,
            14.0,
            Branch(&[("gather", 45), ("approve_fix", 55)]),
        ),
        node("approve_fix", Human, 2.0, Edge("mitigate")),
        node(
            "mitigate",
            Tools(&["rollback_release", "page_oncall"]),
            15.0,
            Edge("postmortem"),
        ),
        node("postmortem", Llm, 10.0, Edge(END)),
    ],
};

static DOCUMENTS: Graph = Graph {
    name: "文書抽出",
    nodes: &[
        node("取込", Tools(&["ocr_page"]), 22.0, Edge("抽出")),
        node("抽出", Agent(&["extract_table"]), 18.0, Edge("検証")),
        node("検証", Function, 25.0, Branch(&[("抽出", 25), ("保存", 75)])),
        node("保存", Tools(&["store_record"]), 6.0, Edge(END)),
    ],
};

static TRAVEL: Graph = Graph {
    name: "travel_planner",
    nodes: &[
        node("collect_wishes", Llm, 8.0, Edge("find_offers")),
        node(
            "find_offers",
            Parallel(&["flight_search", "hotel_search"]),
            7.0,
            Edge("compare"),
        ),
        node(
            "compare",
            Agent(&["fx_rates", "map_distance"]),
            13.0,
            Branch(&[("find_offers", 30), ("itinerary", 70)]),
        ),
        node("itinerary", Llm, 11.0, Edge(END)),
    ],
};
